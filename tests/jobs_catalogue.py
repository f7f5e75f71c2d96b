"""The programs and core types of the examples that clients are written after."""

from __future__ import annotations

CATALOGUE = """
[coretypes.standard-plus]
name = "Marble"
cores = [1, 2, 4]
memory = 3750
storage = 4000
price = "0.15"
processor = "a processor"

[coretypes.onyx]
cores = [1]
price = "0.20"

[analyses.openfoam]
name = "OpenFOAM"
description = "<p><b>OpenFOAM</b></p>"

[analyses.openfoam.versions."2.2.2-openmpi"]
name = "2.2.2"
code = "shell@localhost"
coretypes = ["standard-plus"]

[analyses.openfoam.versions."2.3.0-openmpi"]
name = "2.3.0"
code = "shell@localhost"
coretypes = ["standard-plus"]
command = "foamExec <module> <input-file>"
mpi_command = "mpirun -np <mpi-ranks> foamExec <module> <input-file> -parallel"
smp_command = "mpirun -np <smp-ranks> foamExec <module> <input-file> -parallel"

[analyses.shell.versions.1]
code = "shell@localhost"
"""
