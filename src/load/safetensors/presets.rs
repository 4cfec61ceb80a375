//! The naming schemes of public projects, each a description of its own.

/// Name and description of each preset.
const PRESETS: &[(&str, &str)] = &[
    (
        // Equation 2 with a module list of linear layers for y and one, without bias, for z.
        "ficnn",
        r#"{"format": "icnn-layers", "version": 1, "kind": "ficnn", "activation": "relu", "roles": {
            "wy": "Wy.{i}.weight", "b": "Wy.{i}.bias", "wz": "Wz.{i-1}.weight"}}"#,
    ),
    (
        // Equation 3 with a module list for each of its maps.
        "picnn",
        r#"{"format": "icnn-layers", "version": 1, "kind": "picnn", "activation": "relu", "roles": {
            "wt": "fc_u.{i}.weight", "bt": "fc_u.{i}.bias", "wzu": "fc_zu.{i-1}.weight", "bz": "fc_zu.{i-1}.bias",
            "wz": "fc_z.{i-1}.weight", "wyu": "fc_yu.{i}.weight", "by": "fc_yu.{i}.bias", "wy": "fc_y.{i}.weight",
            "wu": "fc_uz.{i}.weight", "b": "fc_uz.{i}.bias"}}"#,
    ),
    (
        // atong01/ot-icnn-minimal and its descendants: the first of Wzs reads y.
        "wzs-wxs",
        r#"{"format": "icnn-layers", "version": 1, "kind": "ficnn", "activation": "softplus", "roles": {
            "wy": {"first": "Wzs.0.weight", "then": "Wxs.{i-1}.weight"},
            "b": {"first": "Wzs.0.bias", "then": "Wxs.{i-1}.bias"},
            "wz": {"first": null, "then": "Wzs.{i}.weight"}, "cz": {"first": null, "then": "Wzs.{i}.bias"}}}"#,
    ),
    (
        // AmirTag/OT-ICNN, LastInp_Quadratic: the first layer is squared, and so is the last map of y.
        "ot-icnn",
        r#"{"format": "icnn-layers", "version": 1, "kind": "ficnn",
            "activation": {"first": [{"leaky_relu": 0.2}, "square"], "then": {"leaky_relu": 0.2}},
            "y_activation": {"last": "square"}, "roles": {
            "wy": {"then": "fc{i+1}_normal.weight", "last": "last_linear.weight"},
            "b": {"then": "fc{i+1}_normal.bias", "last": "last_linear.bias"},
            "wz": {"first": null, "then": "fc{i+1}_convex.weight", "last": "last_convex.weight"}}}"#,
    ),
    (
        // The same with module lists in the middle, for any number of layers.
        "ot-icnn-list",
        r#"{"format": "icnn-layers", "version": 1, "kind": "ficnn",
            "activation": {"first": [{"leaky_relu": 0.2}, "square"], "then": {"leaky_relu": 0.2}},
            "y_activation": {"last": "square"}, "roles": {
            "wy": {"first": "fc1_normal.weight", "then": "normal.{i-1}.weight", "last": "last_linear.weight"},
            "b": {"first": "fc1_normal.bias", "then": "normal.{i-1}.bias", "last": "last_linear.bias"},
            "wz": {"first": null, "then": "convex.{i-1}.weight", "last": "last_convex.weight"}}}"#,
    ),
    (
        // iamalexkorotin/Wasserstein2GenerativeNetworks, DenseICNN: quadratic maps of y, celu from the second layer on.
        "dense-icnn",
        r#"{"format": "icnn-layers", "version": 1, "kind": "ficnn", "activation": {"first": "identity", "then": "celu"},
            "quadratic": 5e-7, "roles": {
            "q": {"then": "quadratic_layers.{i}.0.quadratic_decomposed", "last": null},
            "wy": {"then": "quadratic_layers.{i}.0.weight", "last": null},
            "b": {"then": "quadratic_layers.{i}.0.bias", "last": null},
            "wz": {"first": null, "then": "convex_layers.{i-1}.0.weight", "last": "final_layer.weight"}}}"#,
    ),
];

/// The names of all presets.
pub fn presets() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The description behind a preset.
pub(super) fn text(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::super::Description;

    #[test]
    fn every_preset_is_a_description() {
        for name in super::presets() {
            let own = format!(r#"{{"format": "icnn-layers", "version": 1, "preset": "{name}"}}"#);
            Description::parse(own.as_bytes()).unwrap();
        }
    }
}
