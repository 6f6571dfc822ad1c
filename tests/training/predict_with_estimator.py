"""Run by a test in a process of its own: Estimator itself predicts from the checkpoint.

python predict_with_estimator.py ROOT INPUTS.npz OUTPUTS.npz
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from entrypoint import estimator
from entrypoint.job import start_tensorflow
from entrypoint.parameters import load_parameters
from entrypoint.settings import read_settings
from entrypoint.user_code import load_user_code
from entrypoint.user_source import find_user_code

root, inputs_file, outputs_file = sys.argv[1:]
settings = read_settings({**os.environ, "MODELMAKER_ROOT": root})
source = find_user_code(settings)
start_tensorflow(settings, source)
code = load_user_code(source)
revived = estimator.revive()
inputs = dict(np.load(inputs_file).items())
trained = revived.Estimator(
    code.model.function,
    model_dir=str(Path(root) / "checkpoints"),
    params=load_parameters(settings).for_user(),
)
input_fn = revived.inputs.numpy_input_fn(inputs, batch_size=32, shuffle=False)
rows = list(trained.predict(input_fn))
columns: dict[str, Any] = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
np.savez(outputs_file, **columns)
