// SPDX-License-Identifier: Apache-2.0
// Which of several installed versions of PostgreSQL is used, with folders of
// programs that say a version and do nothing else.
#include "server/storage/postgres/postgres_programs.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool::postgres {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PostgresProgramsTest : public ::testing::Test {
 protected:
  // A folder with these programs, of that version.
  std::string Install(const std::string& folder, int major,
                      const std::vector<std::string>& programs) {
    const std::string path = absl::StrCat(directory_.path(), "/", folder);
    fs::create_directories(path);
    for (const std::string& name : programs) {
      const std::string program = absl::StrCat(path, "/", name);
      std::ofstream(program) << "#!/bin/sh\necho '" << name << " (PostgreSQL) "
                             << major << ".2 (Debian)'\n";
      fs::permissions(program, fs::perms::owner_all);
    }
    return path;
  }
  std::string InstallServer(int major) {
    return Install(absl::StrCat("lib/", major, "/bin"), major,
                   {"postgres", "initdb", "pg_dump", "pg_restore"});
  }
  // As Debian's postgresql-client-17 is.
  std::string InstallClient(int major) {
    return Install(absl::StrCat("lib/", major, "/bin"), major,
                   {"pg_dump", "pg_restore"});
  }
  ProgramPlaces Places(const std::string& path = "") const {
    return {.versioned = {{directory_.path() + "/none", ""},
                          {directory_.path() + "/lib", ""}},
            .path = path};
  }
  static std::string MessageOf(const absl::StatusOr<std::string>& result) {
    return std::string(result.status().message());
  }

  const TemporaryDirectory directory_;
};

TEST_F(PostgresProgramsTest, ANewClusterIsOfTheNewestVersion) {
  InstallServer(9);
  InstallServer(15);
  const std::string newest = InstallServer(17);
  InstallClient(18);
  fs::create_directories(directory_.path() + "/lib/19/bin");
  const auto found = FindPrograms(std::nullopt, Places());
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(*found, newest);
}

TEST_F(PostgresProgramsTest, AClusterIsOpenedByTheVersionThatMadeIt) {
  const std::string older = InstallServer(15);
  const std::string newer = InstallServer(17);
  for (const auto& [major, folder] :
       {std::pair<int, std::string>(15, older), {17, newer}}) {
    // Whatever comes first in PATH.
    const auto found = FindPrograms(major, Places(newer + ":" + older));
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(*found, folder);
  }
}

TEST_F(PostgresProgramsTest, AFolderInPathSaysItsVersion) {
  const std::string own =
      Install("own/bin", 15, {"postgres", "initdb", "pg_dump", "pg_restore"});
  InstallServer(17);
  const auto found = FindPrograms(15, Places("/nowhere::" + own));
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(*found, own);
}

// What an upgrade of Debian leaves: the data of 15, and the programs of 17.
TEST_F(PostgresProgramsTest, WhereTheVersionIsGoneTheMessageSaysWhatToDo) {
  InstallServer(17);
  InstallClient(15);
  const auto found = FindPrograms(15, Places());
  ASSERT_THAT(found, FailsWith("POSTGRES_MISSING"));
  EXPECT_THAT(MessageOf(found), AllOf(HasSubstr("made with PostgreSQL 15"),
                                      HasSubstr("here is PostgreSQL 17"),
                                      HasSubstr("nothing was changed"),
                                      HasSubstr("Install postgresql-15"),
                                      HasSubstr("apt.postgresql.org"),
                                      HasSubstr("archpool-server backup DIR")));
}

// Data of a later version, as of a copied folder: no dump goes back.
TEST_F(PostgresProgramsTest, ALaterVersionIsMissedAsWell) {
  InstallServer(15);
  const auto found = FindPrograms(17, Places());
  ASSERT_THAT(found, FailsWith("POSTGRES_MISSING"));
  EXPECT_THAT(MessageOf(found), AllOf(HasSubstr("Install postgresql-17"),
                                      Not(HasSubstr("backup"))));
}

TEST_F(PostgresProgramsTest, WhereThereIsNoneItIsToBeInstalled) {
  InstallClient(17);
  const auto none = FindPrograms(std::nullopt, Places());
  ASSERT_THAT(none, FailsWith("POSTGRES_MISSING"));
  EXPECT_THAT(MessageOf(none), AllOf(HasSubstr("apt-get install postgresql)"),
                                     HasSubstr("--database-url")));
  const auto of_one = FindPrograms(15, Places());
  ASSERT_THAT(of_one, FailsWith("POSTGRES_MISSING"));
  EXPECT_THAT(MessageOf(of_one), HasSubstr("apt-get install postgresql-15)"));
}

TEST_F(PostgresProgramsTest, ADumpIsMadeByTheClosestThatIsNoOlder) {
  const std::string oldest = InstallServer(15);
  const std::string middle = InstallClient(16);
  const std::string newest = InstallServer(17);
  // A wrapper of the same version as one that its folder tells of.
  const std::string wrapper = Install("usr/bin", 17, {"pg_dump", "pg_restore"});
  for (const auto& [major, folder] : {std::pair<int, std::string>(14, oldest),
                                      {15, oldest},
                                      {16, middle},
                                      {17, newest}}) {
    const auto found = FindClientPrograms(major, Places(wrapper));
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(*found, folder) << major;
  }
  const auto none = FindClientPrograms(18, Places(wrapper));
  ASSERT_THAT(none, FailsWith("POSTGRES_MISSING"));
  EXPECT_THAT(MessageOf(none), HasSubstr("postgresql-client-18"));
}

}  // namespace
}  // namespace archpool::postgres
