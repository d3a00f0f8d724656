// SPDX-License-Identifier: Apache-2.0
// archpool-server: the pool manager.
#include "server/run_server.h"

int main(int argc, char** argv) { return archpool::RunServer(argc, argv); }
