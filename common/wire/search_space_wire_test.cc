// SPDX-License-Identifier: Apache-2.0
#include "common/wire/search_space_wire.h"

#include <functional>
#include <string>

#include "common/wire/wire_test_data.h"
#include "gtest/gtest.h"
#include "tests/support/spaces.h"

namespace archpool::wire {
namespace {

TEST(SearchSpaceWireTest, RoundTrips) {
  const SearchSpace space = TestSpace();
  v1::SearchSpace proto;
  ASSERT_TRUE(proto.ParseFromString(ToProto(space).SerializeAsString()));
  const auto read = SearchSpaceFromProto("space", proto);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, space);
}

TEST(SearchSpaceWireTest, CellsAndVariantsRoundTrip) {
  SearchSpace space = testing::NasBench201Space(8, 2);
  ChainTemplate chain = space.chain_template();
  chain.variants.push_back({.name = "every",
                            .operation = "bottleneck",
                            .kernel = 5,
                            .width = 24,
                            .expansion = 6,
                            .activation = "silu"});
  chain.stages[1].blocks[0].operation = "every";
  space = testing::MakeSpace(space.dimensions(), chain);
  v1::SearchSpace proto;
  ASSERT_TRUE(proto.ParseFromString(ToProto(space).SerializeAsString()));
  const auto read = SearchSpaceFromProto("space", proto);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, space);
}

struct BadSpace {
  const char* name;
  const char* reason;
  const char* path;
  std::function<void(v1::SearchSpace&)> spoil;
};

// One field is spoilt at a time; the refusal must name it.
TEST(SearchSpaceWireTest, RefusesBadSpacesAndNamesTheField) {
  const BadSpace cases[] = {
      {"no template", "FIELD_REQUIRED", "space.chain_template",
       [](auto& s) { s.clear_chain_template(); }},
      {"no dimension", "SPACE_EMPTY", "",
       [](auto& s) { s.clear_dimensions(); }},
      {"too many dimensions", "FIELD_TOO_MANY", "space.dimensions",
       [](auto& s) {
         for (int i = 0; i < 200; ++i) s.add_dimensions()->set_name("d");
       }},
      {"unnamed dimension", "FIELD_REQUIRED", "space.dimensions[1].name",
       [](auto& s) { s.mutable_dimensions(1)->clear_name(); }},
      {"unprintable dimension", "FIELD_MALFORMED", "space.dimensions[1].name",
       [](auto& s) { s.mutable_dimensions(1)->set_name("a\nb"); }},
      {"long dimension name", "FIELD_MALFORMED", "space.dimensions[0].name",
       [](auto& s) {
         s.mutable_dimensions(0)->set_name(std::string(65, 'a'));
       }},
      {"too many choices", "FIELD_TOO_MANY", "space.dimensions[2].choices",
       [](auto& s) {
         for (int i = 0; i < 64; ++i) {
           s.mutable_dimensions(2)->add_choices()->set_number(2 * i + 101);
         }
       }},
      {"empty choice", "FIELD_REQUIRED", "space.dimensions[2].choices[3]",
       [](auto& s) { s.mutable_dimensions(2)->add_choices(); }},
      {"long word", "FIELD_MALFORMED", "space.dimensions[1].choices[0].word",
       [](auto& s) {
         s.mutable_dimensions(1)->mutable_choices(0)->set_word(
             std::string(65, 'w'));
       }},
      {"duplicate choice", "CHOICE_DUPLICATE", "",
       [](auto& s) {
         s.mutable_dimensions(2)->mutable_choices(0)->set_number(5);
       }},
      {"too many stages", "FIELD_TOO_MANY", "space.chain_template.stages",
       [](auto& s) {
         for (int i = 0; i < 16; ++i) {
           *s.mutable_chain_template()->add_stages() =
               s.chain_template().stages(0);
         }
       }},
      {"too many variants", "FIELD_TOO_MANY", "space.chain_template.variants",
       [](auto& s) {
         for (int i = 0; i < 65; ++i) {
           s.mutable_chain_template()->add_variants();
         }
       }},
      {"unnamed cell", "FIELD_REQUIRED", "space.chain_template.cells[0].name",
       [](auto& s) { s.mutable_chain_template()->add_cells(); }},
      {"too many edges", "FIELD_TOO_MANY",
       "space.chain_template.cells[0].edges",
       [](auto& s) {
         auto* cell = s.mutable_chain_template()->add_cells();
         cell->set_name("cell");
         for (int i = 0; i < 100; ++i) cell->add_edges();
       }},
      {"too many blocks", "FIELD_TOO_MANY",
       "space.chain_template.stages.blocks",
       [](auto& s) {
         auto* stage = s.mutable_chain_template()->mutable_stages(0);
         for (int i = 0; i < 64; ++i) stage->add_blocks();
       }},
      {"unnamed reference", "FIELD_REQUIRED",
       "space.chain_template.stages[0].blocks[0].kernel.dimension",
       [](auto& s) {
         s.mutable_chain_template()
             ->mutable_stages(0)
             ->mutable_blocks(0)
             ->mutable_kernel()
             ->set_dimension("");
       }},
      {"unknown reference", "TEMPLATE_REFERENCE", "",
       [](auto& s) {
         s.mutable_chain_template()->mutable_stem_width()->set_dimension("x");
       }},
      {"bad constant", "TEMPLATE_RANGE", "", [](auto& s) {
         s.mutable_chain_template()->mutable_head_width()->set_constant(-1);
       }}};
  for (const BadSpace& bad : cases) {
    v1::SearchSpace proto = ToProto(TestSpace());
    bad.spoil(proto);
    const auto read = SearchSpaceFromProto("space", proto);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument)
        << bad.name;
    EXPECT_EQ(ReasonOf(read), bad.reason) << bad.name << read.status();
    EXPECT_THAT(std::string(read.status().message()),
                ::testing::HasSubstr(bad.path))
        << bad.name;
  }
}

TEST(SearchSpaceWireTest, EveryArchitectureRoundTrips) {
  const SearchSpace space = TestSpace();
  for (int64_t rank = 0; rank < space.size(); ++rank) {
    const Architecture architecture = space.ArchitectureAt(rank);
    google::protobuf::RepeatedField<int32_t> choices;
    SetChoices(architecture, &choices);
    EXPECT_EQ(*ArchitectureFromProto("choices", space, choices), architecture);
  }
}

TEST(SearchSpaceWireTest, RefusesArchitecturesOutsideTheSpace) {
  const SearchSpace space = TestSpace();
  const auto reason = [&](std::initializer_list<int32_t> values) {
    google::protobuf::RepeatedField<int32_t> choices(values.begin(),
                                                     values.end());
    return ReasonOf(ArchitectureFromProto("choices", space, choices));
  };
  EXPECT_EQ(reason({0, 0, 2}), "");
  EXPECT_EQ(reason({0, 0}), "ARCHITECTURE_MALFORMED");
  EXPECT_EQ(reason({0, 0, 0, 0}), "ARCHITECTURE_MALFORMED");
  EXPECT_EQ(reason({0, 0, 3}), "ARCHITECTURE_MALFORMED");
  EXPECT_EQ(reason({0, 0, -1}), "FIELD_RANGE");
  // 256 must not pass for 0.
  EXPECT_EQ(reason({0, 0, 256}), "FIELD_RANGE");
}

}  // namespace
}  // namespace archpool::wire
