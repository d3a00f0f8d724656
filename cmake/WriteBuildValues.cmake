# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT from TEMPLATE with VERSION, BUILD_TYPE and the commit of SOURCE,
# and leaves it alone where nothing changed, so that nothing is built again.
#   cmake -DSOURCE=... -DTEMPLATE=... -DOUTPUT=... -DVERSION=... -DBUILD_TYPE=...
#     -P WriteBuildValues.cmake
# The lock is optional: a build must not be in the way of a commit.
execute_process(
  COMMAND git --no-optional-locks -C ${SOURCE}
    describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE
  ERROR_QUIET RESULT_VARIABLE result)
# A source archive unpacked in some other repository is not of its commit.
if(NOT EXISTS ${SOURCE}/.git OR NOT result EQUAL 0 OR COMMIT STREQUAL "")
  set(COMMIT unknown)
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
