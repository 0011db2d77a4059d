# SPDX-License-Identifier: Apache-2.0
set(HPFEEDS_USER_SOURCES user.cpp user_actions.cpp user_check.cpp user_copy.cpp user_names.cpp user_output.cpp)
