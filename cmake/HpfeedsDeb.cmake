# SPDX-License-Identifier: Apache-2.0
# The unit, and the .deb packages: cpack --config BUILD/CPackConfig.cmake (packaging/README.md).
option(HPFEEDS_SYSTEMD "Install the systemd unit of the broker" ON)
if(HPFEEDS_SYSTEMD)
  install(FILES packaging/systemd/hpfeeds-broker.service packaging/systemd/hpfeeds-broker.socket
          DESTINATION lib/systemd/system COMPONENT broker)
  install(FILES packaging/systemd/hpfeeds.sysusers.conf DESTINATION lib/sysusers.d RENAME hpfeeds.conf COMPONENT broker)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "the hpfeeds in C++ authors <https://github.com/hpfeeds>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "publish-subscribe for honeypots (hpfeeds)")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL broker tools)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)

set(CPACK_DEBIAN_BROKER_PACKAGE_NAME hpfeeds-broker)
set(CPACK_COMPONENT_BROKER_DESCRIPTION
    "Broker of hpfeeds, the publish-subscribe protocol of honeypots\n Sensors publish events to channels, loggers subscribe to them.")
set(CPACK_DEBIAN_BROKER_PACKAGE_RECOMMENDS "hpfeeds-tools, ca-certificates")
set(CPACK_DEBIAN_BROKER_PACKAGE_DEPENDS "passwd")
set(CPACK_DEBIAN_BROKER_PACKAGE_CONTROL_EXTRA
    "${PROJECT_SOURCE_DIR}/packaging/debian/postinst;${PROJECT_SOURCE_DIR}/packaging/debian/prerm"
    "${PROJECT_SOURCE_DIR}/packaging/debian/postrm;${PROJECT_SOURCE_DIR}/packaging/debian/conffiles")
set(CPACK_DEBIAN_BROKER_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME hpfeeds-tools)
set(CPACK_COMPONENT_TOOLS_DESCRIPTION
    "Command line of hpfeeds, the publish-subscribe protocol of honeypots\n Subscribes, publishes, and manages a broker's keys.")
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/cmake/cpack_conffiles.cmake")
include(CPack)
