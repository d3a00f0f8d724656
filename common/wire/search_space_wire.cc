// SPDX-License-Identifier: Apache-2.0
#include "common/wire/search_space_wire.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/template_limits.h"
#include "common/wire/fields.h"

namespace archpool::wire {
namespace {

void Fill(const IntField& field, v1::IntField* proto) {
  if (const auto* reference = std::get_if<DimensionRef>(&field)) {
    proto->set_dimension(reference->dimension);
  } else {
    proto->set_constant(std::get<int64_t>(field));
  }
}

void Fill(const WordField& field, v1::WordField* proto) {
  if (const auto* reference = std::get_if<DimensionRef>(&field)) {
    proto->set_dimension(reference->dimension);
  } else {
    proto->set_constant(std::get<std::string>(field));
  }
}

void FillWords(const ChainTemplate& chain, v1::ChainTemplate* proto) {
  for (const VariantTemplate& variant : chain.variants) {
    v1::ChainTemplate::Variant* to = proto->add_variants();
    to->set_name(variant.name);
    to->set_operation(variant.operation);
    if (variant.kernel.has_value()) to->set_kernel(*variant.kernel);
    if (variant.width.has_value()) to->set_width(*variant.width);
    if (variant.expansion.has_value()) to->set_expansion(*variant.expansion);
    if (variant.activation.has_value()) {
      to->set_activation(*variant.activation);
    }
  }
  for (const CellTemplate& cell : chain.cells) {
    v1::ChainTemplate::Cell* to = proto->add_cells();
    to->set_name(cell.name);
    to->set_nodes(cell.nodes);
    for (const CellTemplate::Edge& edge : cell.edges) {
      v1::ChainTemplate::Cell::Edge* e = to->add_edges();
      e->set_from(edge.from);
      e->set_to(edge.to);
      Fill(edge.operation, e->mutable_operation());
    }
  }
}

void Fill(const ChainTemplate& chain, v1::ChainTemplate* proto) {
  Fill(chain.stem_width, proto->mutable_stem_width());
  proto->set_stem_kernel(chain.stem_kernel);
  proto->set_stem_stride(chain.stem_stride);
  Fill(chain.stem_activation, proto->mutable_stem_activation());
  for (const StageTemplate& stage : chain.stages) {
    v1::ChainTemplate::Stage* to = proto->add_stages();
    to->set_stride(stage.stride);
    for (const BlockTemplate& block : stage.blocks) {
      v1::ChainTemplate::Block* b = to->add_blocks();
      Fill(block.operation, b->mutable_operation());
      Fill(block.kernel, b->mutable_kernel());
      Fill(block.width, b->mutable_width());
      Fill(block.expansion, b->mutable_expansion());
      Fill(block.repeat, b->mutable_repeat());
      Fill(block.activation, b->mutable_activation());
    }
  }
  FillWords(chain, proto);
  Fill(chain.head_width, proto->mutable_head_width());
  Fill(chain.head_activation, proto->mutable_head_activation());
}

// A word of a template or a dimension.
absl::Status CheckWord(absl::string_view path, absl::string_view text,
                       Ranges ranges) {
  if (ranges == Ranges::kTrusted) return absl::OkStatus();
  return CheckPrintable(path, text, limits::kWordLength.max);
}

// A field that is not set keeps the template's default, which `field` holds.
absl::Status Read(absl::string_view path, const v1::IntField& proto,
                  Ranges ranges, IntField* field) {
  switch (proto.field_case()) {
    case v1::IntField::kConstant:
      *field = proto.constant();
      return absl::OkStatus();
    case v1::IntField::kDimension:
      ARCHPOOL_RETURN_IF_ERROR(
          CheckWord(Join(path, "dimension"), proto.dimension(), ranges));
      *field = DimensionRef{proto.dimension()};
      return absl::OkStatus();
    case v1::IntField::FIELD_NOT_SET:
      break;
  }
  return absl::OkStatus();
}

absl::Status Read(absl::string_view path, const v1::WordField& proto,
                  Ranges ranges, WordField* field) {
  switch (proto.field_case()) {
    case v1::WordField::kConstant:
      ARCHPOOL_RETURN_IF_ERROR(
          CheckWord(Join(path, "constant"), proto.constant(), ranges));
      *field = proto.constant();
      return absl::OkStatus();
    case v1::WordField::kDimension:
      ARCHPOOL_RETURN_IF_ERROR(
          CheckWord(Join(path, "dimension"), proto.dimension(), ranges));
      *field = DimensionRef{proto.dimension()};
      return absl::OkStatus();
    case v1::WordField::FIELD_NOT_SET:
      break;
  }
  return absl::OkStatus();
}

absl::StatusOr<BlockTemplate> ReadBlock(absl::string_view path,
                                        const v1::ChainTemplate::Block& proto,
                                        Ranges ranges) {
  BlockTemplate block;
  ARCHPOOL_RETURN_IF_ERROR(Read(Join(path, "operation"), proto.operation(),
                                ranges, &block.operation));
  ARCHPOOL_RETURN_IF_ERROR(
      Read(Join(path, "kernel"), proto.kernel(), ranges, &block.kernel));
  ARCHPOOL_RETURN_IF_ERROR(
      Read(Join(path, "width"), proto.width(), ranges, &block.width));
  ARCHPOOL_RETURN_IF_ERROR(Read(Join(path, "expansion"), proto.expansion(),
                                ranges, &block.expansion));
  ARCHPOOL_RETURN_IF_ERROR(
      Read(Join(path, "repeat"), proto.repeat(), ranges, &block.repeat));
  ARCHPOOL_RETURN_IF_ERROR(Read(Join(path, "activation"), proto.activation(),
                                ranges, &block.activation));
  return block;
}

absl::StatusOr<VariantTemplate> ReadVariant(
    absl::string_view path, const v1::ChainTemplate::Variant& proto,
    Ranges ranges) {
  VariantTemplate variant;
  ARCHPOOL_RETURN_IF_ERROR(CheckWord(Join(path, "name"), proto.name(), ranges));
  ARCHPOOL_RETURN_IF_ERROR(
      CheckWord(Join(path, "operation"), proto.operation(), ranges));
  variant.name = proto.name();
  variant.operation = proto.operation();
  if (proto.has_kernel()) variant.kernel = proto.kernel();
  if (proto.has_width()) variant.width = proto.width();
  if (proto.has_expansion()) variant.expansion = proto.expansion();
  if (proto.has_activation()) {
    ARCHPOOL_RETURN_IF_ERROR(
        CheckWord(Join(path, "activation"), proto.activation(), ranges));
    variant.activation = proto.activation();
  }
  return variant;
}

absl::StatusOr<CellTemplate> ReadCell(absl::string_view path,
                                      const v1::ChainTemplate::Cell& proto,
                                      Ranges ranges) {
  CellTemplate cell;
  ARCHPOOL_RETURN_IF_ERROR(CheckWord(Join(path, "name"), proto.name(), ranges));
  if (ranges == Ranges::kChecked) {
    ARCHPOOL_RETURN_IF_ERROR(
        CheckCount(Join(path, "edges"), proto.edges_size(),
                   limits::kCellNodes.max * limits::kCellNodes.max));
  }
  cell.name = proto.name();
  cell.nodes = proto.nodes();
  for (int e = 0; e < proto.edges_size(); ++e) {
    CellTemplate::Edge edge{.from = proto.edges(e).from(),
                            .to = proto.edges(e).to()};
    ARCHPOOL_RETURN_IF_ERROR(Read(Join(At(Join(path, "edges"), e), "operation"),
                                  proto.edges(e).operation(), ranges,
                                  &edge.operation));
    cell.edges.push_back(std::move(edge));
  }
  return cell;
}

absl::Status CheckTemplateSize(absl::string_view path,
                               const v1::ChainTemplate& proto) {
  ARCHPOOL_RETURN_IF_ERROR(CheckCount(Join(path, "stages"), proto.stages_size(),
                                      limits::kStages.max));
  int64_t blocks = 0;
  for (const auto& stage : proto.stages()) blocks += stage.blocks_size();
  ARCHPOOL_RETURN_IF_ERROR(
      CheckCount(Join(path, "stages.blocks"), blocks, limits::kBlocksMax));
  ARCHPOOL_RETURN_IF_ERROR(CheckCount(
      Join(path, "variants"), proto.variants_size(), limits::kVariantsMax));
  return CheckCount(Join(path, "cells"), proto.cells_size(), limits::kCellsMax);
}

absl::StatusOr<ChainTemplate> ReadTemplate(absl::string_view path,
                                           const v1::ChainTemplate& proto,
                                           Ranges ranges) {
  if (ranges == Ranges::kChecked) {
    ARCHPOOL_RETURN_IF_ERROR(CheckTemplateSize(path, proto));
  }
  ChainTemplate chain;
  for (int v = 0; v < proto.variants_size(); ++v) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        VariantTemplate variant,
        ReadVariant(At(Join(path, "variants"), v), proto.variants(v), ranges));
    chain.variants.push_back(std::move(variant));
  }
  for (int c = 0; c < proto.cells_size(); ++c) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        CellTemplate cell,
        ReadCell(At(Join(path, "cells"), c), proto.cells(c), ranges));
    chain.cells.push_back(std::move(cell));
  }
  ARCHPOOL_RETURN_IF_ERROR(Read(Join(path, "stem_width"), proto.stem_width(),
                                ranges, &chain.stem_width));
  chain.stem_kernel = proto.stem_kernel();
  chain.stem_stride = proto.stem_stride();
  ARCHPOOL_RETURN_IF_ERROR(Read(Join(path, "stem_activation"),
                                proto.stem_activation(), ranges,
                                &chain.stem_activation));
  for (int s = 0; s < proto.stages_size(); ++s) {
    const std::string stage_path = At(Join(path, "stages"), s);
    StageTemplate stage;
    stage.stride = proto.stages(s).stride();
    for (int b = 0; b < proto.stages(s).blocks_size(); ++b) {
      ARCHPOOL_ASSIGN_OR_RETURN(BlockTemplate block,
                                ReadBlock(At(Join(stage_path, "blocks"), b),
                                          proto.stages(s).blocks(b), ranges));
      stage.blocks.push_back(std::move(block));
    }
    chain.stages.push_back(std::move(stage));
  }
  ARCHPOOL_RETURN_IF_ERROR(Read(Join(path, "head_width"), proto.head_width(),
                                ranges, &chain.head_width));
  ARCHPOOL_RETURN_IF_ERROR(Read(Join(path, "head_activation"),
                                proto.head_activation(), ranges,
                                &chain.head_activation));
  return chain;
}

absl::StatusOr<Dimension> ReadDimension(absl::string_view path,
                                        const v1::Dimension& proto,
                                        Ranges ranges) {
  ARCHPOOL_RETURN_IF_ERROR(CheckWord(Join(path, "name"), proto.name(), ranges));
  ARCHPOOL_RETURN_IF_ERROR(CheckCount(
      Join(path, "choices"), proto.choices_size(), SearchSpace::kMaxChoices));
  Dimension dimension;
  dimension.name = proto.name();
  for (int c = 0; c < proto.choices_size(); ++c) {
    const v1::Dimension::Choice& choice = proto.choices(c);
    const std::string choice_path = At(Join(path, "choices"), c);
    switch (choice.value_case()) {
      case v1::Dimension::Choice::kNumber:
        dimension.choices.emplace_back(choice.number());
        break;
      case v1::Dimension::Choice::kWord:
        ARCHPOOL_RETURN_IF_ERROR(
            CheckWord(Join(choice_path, "word"), choice.word(), ranges));
        dimension.choices.emplace_back(choice.word());
        break;
      case v1::Dimension::Choice::VALUE_NOT_SET:
        return RequiredError(choice_path);
    }
  }
  return dimension;
}

}  // namespace

v1::SearchSpace ToProto(const SearchSpace& space) {
  v1::SearchSpace proto;
  for (const Dimension& dimension : space.dimensions()) {
    v1::Dimension* to = proto.add_dimensions();
    to->set_name(dimension.name);
    for (const ChoiceValue& choice : dimension.choices) {
      if (const auto* number = std::get_if<int64_t>(&choice)) {
        to->add_choices()->set_number(*number);
      } else {
        to->add_choices()->set_word(std::get<std::string>(choice));
      }
    }
  }
  Fill(space.chain_template(), proto.mutable_chain_template());
  return proto;
}

absl::StatusOr<SearchSpace> SearchSpaceFromProto(absl::string_view path,
                                                 const v1::SearchSpace& proto,
                                                 Ranges ranges) {
  if (!proto.has_chain_template()) {
    return RequiredError(Join(path, "chain_template"));
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckCount(Join(path, "dimensions"),
                                      proto.dimensions_size(),
                                      SearchSpace::kMaxDimensions));
  std::vector<Dimension> dimensions;
  for (int d = 0; d < proto.dimensions_size(); ++d) {
    ARCHPOOL_ASSIGN_OR_RETURN(Dimension dimension,
                              ReadDimension(At(Join(path, "dimensions"), d),
                                            proto.dimensions(d), ranges));
    dimensions.push_back(std::move(dimension));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(ChainTemplate chain,
                            ReadTemplate(Join(path, "chain_template"),
                                         proto.chain_template(), ranges));
  return SearchSpace::Create(std::move(dimensions), std::move(chain), ranges);
}

void SetChoices(const Architecture& architecture,
                google::protobuf::RepeatedField<int32_t>* choices) {
  choices->Clear();
  choices->Reserve(static_cast<int>(architecture.choices.size()));
  for (const uint8_t choice : architecture.choices) choices->Add(choice);
}

absl::StatusOr<Architecture> ArchitectureFromProto(
    absl::string_view path, const SearchSpace& space,
    const google::protobuf::RepeatedField<int32_t>& choices) {
  ARCHPOOL_RETURN_IF_ERROR(
      CheckCount(path, choices.size(), SearchSpace::kMaxDimensions));
  Architecture architecture;
  for (int d = 0; d < choices.size(); ++d) {
    ARCHPOOL_RETURN_IF_ERROR(CheckRange(At(path, d), choices.Get(d),
                                        {0, SearchSpace::kMaxChoices - 1}));
    architecture.choices.push_back(static_cast<uint8_t>(choices.Get(d)));
  }
  if (space.IsValid(architecture)) return architecture;
  return InvalidArgument(
      "ARCHITECTURE_MALFORMED",
      absl::StrCat("field ", path,
                   " is no architecture of the space: it must hold one index "
                   "for each of its ",
                   space.dimensions().size(), " dimensions, within each"));
}

}  // namespace archpool::wire
