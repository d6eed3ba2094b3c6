"""Measurements on real data, side by side with peers: `python -m Testing.Benchmarks.NAME`."""

import os

# SciPy's solvers spend ten times longer on small images when BLAS starts threads for them, and the
# machine is shared; one thread for everybody is fair, and fastest for everybody.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
