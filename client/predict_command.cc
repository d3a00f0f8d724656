// SPDX-License-Identifier: Apache-2.0
// archpool predict
#include <CLI/CLI.hpp>
#include <memory>

#include "client/context.h"
#include "client/predict.h"

namespace archpool {

void AddPredictCommand(CLI::App& app, Action& action) {
  const auto flags = std::make_shared<PredictFlags>();
  CLI::App* command = app.add_subcommand(
      "predict", "Run a network of a result on pictures, on this machine");
  command
      ->add_option("folder", flags->directory,
                   "A folder with architecture.json and weights.safetensors: "
                   "of a result, or of one network in its front/")
      ->required();
  command
      ->add_option("images", flags->pictures,
                   "PNG or JPEG files; they are resized as the dataset's were")
      ->required();
  command
      ->add_option("--fit", flags->fit,
                   "How images of another shape are made to fit; by default "
                   "as classes.json says, else crop")
      ->check(CLI::IsMember({"crop", "stretch"}));
  command->footer(
      "Needs no server and no token. Classes have the names of classes.json, "
      "where the\nfolder has one, and are numbers else.\nExample:\n  archpool "
      "predict result photo.jpg");
  command->callback([&action, flags] {
    action = [flags](Context& c) { return RunPredict(c, *flags); };
  });
}

}  // namespace archpool
