// Runs Ramulator 2 on a configuration (JSON) until every request of its trace has had its last command, and prints that
// cycle. Ramulator 2.1 has no program of its own; ramulator2.py says how to build this one.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "ramulator/base/config.h"
#include "ramulator/base/factory.h"
#include "ramulator/frontend/i_frontend.h"
#include "ramulator/memory_system/i_memory_system.h"

using namespace Ramulator;

static long served(IMemorySystem& memory) {
  ConfigNode controller = memory.collect_stats()["controller"];
  long sum = 0;
  for (const char* name : {"read_reqs_served", "write_reqs_served", "read_reqs_forwarded", "write_reqs_coalesced"}) {
    sum += controller[std::string("num_") + name].as<long>();
  }
  return sum;
}

int main(int count, char** words) {
  if (count != 3) {
    std::cerr << "usage: peer CONFIG REQUESTS" << std::endl;
    return 2;
  }
  ConfigNode config = Config::parse_config_file(words[1]);
  const long requests = std::atol(words[2]);
  std::unique_ptr<IFrontEnd> trace(Factory::create_frontend(config));
  std::unique_ptr<IMemorySystem> memory(Factory::create_memory_system(config));
  trace->connect_memory_system(memory.get());
  memory->connect_frontend(trace.get());
  long cycles = 0;
  for (trace->tick(); !trace->is_finished(); trace->tick(), cycles++) {
    memory->tick();
  }
  const long limit = cycles + 100000;
  while (served(*memory) < requests && cycles < limit) {
    memory->tick();
    cycles++;
  }
  std::cout << served(*memory) << " " << cycles << std::endl;
  return 0;
}
