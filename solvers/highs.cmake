# HiGHS in few files of many sources each. The strings that its headers define are made for every file at the start of every program
# that HiGHS is part of, whether it solves or not: they took a fifth of the time of `icnn solve` on a small network. It compiles sooner, too.
set(CMAKE_UNITY_BUILD ON)
set(CMAKE_UNITY_BUILD_BATCH_SIZE 16)

# Where a file like this one is given, nobody else names the compilers, and HiGHS would prefer clang to the one that links the program.
if(NOT DEFINED ENV{CC})
  set(CMAKE_C_COMPILER cc)
endif()
if(NOT DEFINED ENV{CXX})
  set(CMAKE_CXX_COMPILER c++)
endif()
