"""All benchmarks, one after the other on one core: `make bench`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.benchmarks import bench_chain, bench_inference

    bench_chain.main()
    print()
    bench_inference.main()
