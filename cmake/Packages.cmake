# SPDX-License-Identifier: Apache-2.0
# What is installed, and the Debian packages that are made of it. Programs name
# their component where they are built (archpool_program); here is the rest.
#
#   cmake --install build/release --prefix /usr/local [--component worker]
#   cpack --preset release
#
# A package holds a component's program and, where it is a daemon, its unit and
# settings. Those are left out of a plain install: settings lie in /etc, whatever
# the prefix.
include(GNUInstallDirs)

# Installing takes what is built; it does not build the tests first.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

# Where they lie to each other as in the repository, their links lead on.
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT docs
  FILES_MATCHING PATTERN *.md PATTERN *.svg PATTERN *.png)
install(FILES README.md CHANGELOG.md LICENSE NOTICE CODE_OF_CONDUCT.md
    CONTRIBUTING.md SECURITY.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT docs)
install(FILES migrations/README.md migrations/schema.sql
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/migrations COMPONENT docs)
install(DIRECTORY deploy/examples DESTINATION ${CMAKE_INSTALL_DOCDIR}/deploy
  COMPONENT docs)
# Where the examples name it; whoever writes tasks has archpool itself.
install(FILES deploy/task.schema.json
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/deploy COMPONENT cli)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The archpool authors <authors@archpool.invalid>")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# The libraries are those of the Debian that built it, and no other's.
cmake_host_system_information(RESULT debian QUERY DISTRIB_VERSION_ID)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1~deb${debian})

# archpool_package(server SUMMARY text [DAEMON] [DEPENDS ...] [RECOMMENDS ...]
#   [SUGGESTS ...] [USER name] [PACKAGE name] [ALL]): the package archpool-server
# of the component server; PACKAGE calls it otherwise. DAEMON: deploy/systemd has
# its unit, deploy/debian its settings. USER: whom the unit runs as; installing
# makes that user. ALL: for every architecture.
set(CPACK_COMPONENTS_ALL)
macro(archpool_package name)
  cmake_parse_arguments(ARG "DAEMON;ALL" "SUMMARY;USER;PACKAGE"
    "DEPENDS;RECOMMENDS;SUGGESTS" ${ARGN})
  string(TOUPPER ${name} upper)
  set(package archpool-${name})
  if(ARG_PACKAGE)
    set(package ${ARG_PACKAGE})
  endif()
  list(APPEND CPACK_COMPONENTS_ALL ${name} ${name}-package)
  set(CPACK_COMPONENT_${upper}_GROUP ${name})
  set(CPACK_COMPONENT_${upper}-PACKAGE_GROUP ${name})
  set(CPACK_COMPONENT_GROUP_${upper}_DESCRIPTION "${ARG_SUMMARY}")
  set(CPACK_DEBIAN_${upper}_DESCRIPTION "${ARG_SUMMARY}")
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package})
  list(JOIN ARG_DEPENDS ", " CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS)
  list(JOIN ARG_RECOMMENDS ", " CPACK_DEBIAN_${upper}_PACKAGE_RECOMMENDS)
  list(JOIN ARG_SUGGESTS ", " CPACK_DEBIAN_${upper}_PACKAGE_SUGGESTS)
  if(ARG_ALL)
    set(CPACK_DEBIAN_${upper}_PACKAGE_ARCHITECTURE all)
    set(CPACK_DEBIAN_${upper}_PACKAGE_SHLIBDEPS OFF)
  endif()
  install(FILES ${PROJECT_SOURCE_DIR}/CHANGELOG.md
    DESTINATION /usr/share/doc/${package}
    COMPONENT ${name}-package EXCLUDE_FROM_ALL)
  # Debian's name for it. What is passed on has the notice with it.
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE
    DESTINATION /usr/share/doc/${package} RENAME copyright
    COMPONENT ${name}-package EXCLUDE_FROM_ALL)
  install(FILES ${PROJECT_SOURCE_DIR}/NOTICE
    DESTINATION /usr/share/doc/${package}
    COMPONENT ${name}-package EXCLUDE_FROM_ALL)
  if(ARG_DAEMON)
    archpool_daemon(${name})
  endif()
endmacro()

# The unit and settings of a daemon, and what installing and removing its
# package does.
macro(archpool_daemon name)
  file(GLOB unit RELATIVE ${PROJECT_SOURCE_DIR}/deploy/systemd
    ${PROJECT_SOURCE_DIR}/deploy/systemd/archpool-${name}*.service)
  install(FILES ${PROJECT_SOURCE_DIR}/deploy/systemd/${unit}
    DESTINATION /usr/lib/systemd/system
    COMPONENT ${name}-package EXCLUDE_FROM_ALL)
  install(FILES ${PROJECT_SOURCE_DIR}/deploy/debian/archpool-${name}
    DESTINATION /etc/default COMPONENT ${name}-package EXCLUDE_FROM_ALL)
  set(control ${CMAKE_BINARY_DIR}/debian/${name})
  file(WRITE ${control}/conffiles "/etc/default/archpool-${name}\n")
  # A unit with instances is addressed by a pattern.
  set(DAEMON_USER ${ARG_USER})
  string(REPLACE @ @* UNITS ${unit})
  foreach(script postinst prerm)
    configure_file(${PROJECT_SOURCE_DIR}/deploy/debian/${script}.in
      ${control}/${script} @ONLY)
    file(CHMOD ${control}/${script} PERMISSIONS OWNER_READ OWNER_WRITE
      OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endforeach()
  set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA
    ${control}/conffiles ${control}/postinst ${control}/prerm)
endmacro()

archpool_package(server DAEMON USER archpool
  SUMMARY "manager of a mining pool for neural architectures"
  DEPENDS adduser
  # Without --database-url the server runs a PostgreSQL of its own.
  RECOMMENDS postgresql)
archpool_package(verifier DAEMON
  SUMMARY "checks what the miners of an archpool pool report"
  # Debian's default BLAS is the slow reference one.
  RECOMMENDS libopenblas0-pthread)
archpool_package(worker DAEMON
  SUMMARY "trains neural networks for an archpool pool")
archpool_package(cli
  SUMMARY "command for clients, miners and operators of an archpool pool"
  RECOMMENDS archpool-doc
  # `archpool search` runs a whole pool.
  SUGGESTS archpool-server archpool-verifier archpool-worker dataset-fashion-mnist)
archpool_package(simulator
  SUMMARY "an archpool pool under virtual time, for experiments")
archpool_package(docs ALL PACKAGE archpool-doc
  SUMMARY "documentation of archpool, and examples of tasks")

include(CPack)
