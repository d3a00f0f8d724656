// SPDX-License-Identifier: Apache-2.0
// What PyTorch makes of the file is tested with PyTorch
// (tests/integration/result_runtimes_test.py).
#include "common/export/torch_module.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ExportedNetwork Sample() {
  testing::PlanBuilder builder({1, 8, 8}, 2);
  const int stem = builder.Block(4, 3, 1);
  builder.Block(4, 3, 1, LayerKind::kSilu, /*groups=*/4);
  builder.Add(stem);
  builder.Pool(LayerKind::kAvgPool, 3, 2);
  builder.GlobalAvgPool();
  builder.Linear();
  return {.plan = builder.plan(), .mean_ppm = 286'041, .deviation_ppm = 5};
}

TEST(PythonStringTest, NothingEndsIt) {
  EXPECT_EQ(PythonString("cat"), R"("cat")");
  EXPECT_EQ(PythonString(R"(a"b\c)"), R"("a\"b\\c")");
  EXPECT_EQ(PythonString("a\nb\r\t"), R"("a\nb\r\t")");
  EXPECT_EQ(PythonString(absl::string_view("\0\x1b\x7f", 3)),
            R"("\u0000\u001b\u007f")");
  EXPECT_EQ(PythonString("\xc3\xa9"), R"("\u00e9")");
  // U+1F600: one character in Python, where JSON has two.
  EXPECT_EQ(PythonString("\xf0\x9f\x98\x80"), R"("\U0001f600")");
  // A backslash that only looks like the beginning of one.
  EXPECT_EQ(PythonString(R"(\ud83d\ude00)"), R"("\\ud83d\\ude00")");
  EXPECT_EQ(PythonString("\xff"), R"("\ufffd")");
  // U+2028 ends a line in some languages.
  EXPECT_EQ(PythonString("\xe2\x80\xa8"), R"("\u2028")");
}

TEST(TorchModuleTest, LayersAreBuiltAndRunInOrder) {
  const std::string file = TorchModule(Sample());
  EXPECT_THAT(file, HasSubstr("CHANNELS, HEIGHT, WIDTH = 1, 8, 8\n"));
  EXPECT_THAT(file, HasSubstr("MEAN, DEVIATION = 0.286041, 0.000005\n"));
  EXPECT_THAT(file, HasSubstr("            \"0\": nn.Conv2d(1, 4, 3, stride=1, "
                              "padding=1, bias=False),\n"));
  EXPECT_THAT(file, HasSubstr("            \"3\": nn.Conv2d(4, 4, 3, stride=1, "
                              "padding=1, groups=4, bias=False),\n"));
  EXPECT_THAT(file, HasSubstr("nn.AvgPool2d(3, stride=2, padding=1, "
                              "count_include_pad=False)"));
  // What two layers read has a name of its own.
  EXPECT_THAT(file, HasSubstr("        x2 = self.layers[\"2\"](x)\n"
                              "        x = self.layers[\"3\"](x2)\n"));
  EXPECT_THAT(file, HasSubstr("        x = x + x2\n"));
  EXPECT_THAT(file, HasSubstr("self.layers[\"9\"](x.flatten(1))\n"
                              "        return x\n"));
  EXPECT_THAT(file, Not(HasSubstr("@")));
}

// Folders may be called anything, and their names come to the file.
TEST(TorchModuleTest, NamesOfClassesStayStrings) {
  const std::string hostile[] = {
      "\"]\nimport os; os.system(\"touch x\")\n[\"",
      "'''\"\"\"\\",
      "@LAYERS@",
      "@STEPS@\\",
      "{MEAN}\x00",
  };
  for (const std::string& name : hostile) {
    ExportedNetwork network = Sample();
    network.class_names = {name, "b"};
    const std::string plain = TorchModule(Sample());
    const std::string file = TorchModule(network);
    // No line more or less, and only that of the name and "b" differ.
    const std::vector<std::string> lines = absl::StrSplit(file, '\n');
    const std::vector<std::string> expected = absl::StrSplit(plain, '\n');
    ASSERT_EQ(lines.size(), expected.size()) << name;
    for (size_t i = 0; i < lines.size(); ++i) {
      if (lines[i] == expected[i]) continue;
      EXPECT_TRUE(lines[i] == "    " + PythonString(name) + "," ||
                  lines[i] == "    \"b\",")
          << lines[i];
      EXPECT_TRUE(std::all_of(lines[i].begin(), lines[i].end(),
                              [](char c) { return c >= ' ' && c < 0x7f; }));
    }
  }
}

}  // namespace
}  // namespace archpool
