# SPDX-License-Identifier: Apache-2.0
# What a .deb has in /etc, and `cmake --install` has not: run by cpack when a package's files lie ready.
configure_file("${CMAKE_CURRENT_LIST_DIR}/../packaging/systemd/hpfeeds-broker.default"
               "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/broker/etc/default/hpfeeds-broker" COPYONLY)
configure_file("${CMAKE_CURRENT_LIST_DIR}/../packaging/systemd/broker.toml"
               "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/broker/etc/hpfeeds/broker.toml" COPYONLY)
