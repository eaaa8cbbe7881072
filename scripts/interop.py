"""carrylane's exports in the hands of PyTorch and ONNX Runtime; see interop.sh.

Of every net, the weights of a short training are exported in each format. Outputs of PyTorch and of ONNX Runtime must agree with carrylane's
within 1e-6, gradients of PyTorch's autograd within 1e-5 (f32) and 1e-10 (f64) of the size of each tensor: its norm, or where the samples' parts
cancel, the norm of these (rounding is as large as what was added, not as what is left; `carrylane gradcheck` measures the same way). Cells that PyTorch has run in its
own nn.RNN and nn.LSTM; the others are written out below, in torch's operations, from the equations and not from carrylane's code. What is
imported again must be the same weights, bit for bit. Nets whose floats are proved must be right on a million sums of 64 bits and on long
carries of 4,096, in PyTorch and in ONNX Runtime, and PyTorch's error in a step must stay below their ε.
"""

import argparse
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import safetensors.torch
import torch
from torch import nn

OUTPUT, GRADIENT = 1e-6, {"f32": 1e-5, "f64": 1e-10}
DTYPES = {"f32": torch.float32, "f64": torch.float64}
SQUASH = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}
# Names of carrylane, and of the state dict.
NAMES = {
    "w_ih": "rnn.weight_ih_l0",
    "w_hh": "rnn.weight_hh_l0",
    "b_h": "rnn.bias_ih_l0",
    "w_ho": "out.weight",
    "b_o": "out.bias",
}


class Written(nn.Module):
    """A recurrent layer that PyTorch lacks, with the parameters of one it has."""

    def __init__(self, config):
        super().__init__()
        hidden, gates = config["hidden"], 4 if config["cell"] == "lstm" else 1
        self.config = config
        shapes = {"weight_ih_l0": (gates * hidden, 2), "weight_hh_l0": (gates * hidden, hidden)}
        if config["bias"]:
            shapes |= {"bias_ih_l0": (gates * hidden,), "bias_hh_l0": (gates * hidden,)}
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))

    def forward(self, x):
        phi = SQUASH[self.config["activation"]]
        h = x.new_zeros(len(x), self.config["hidden"])
        c, before, states = h, torch.zeros_like(x[:, 0]), []
        for now in x.unbind(1):
            # s_t = exp |x_t − x_{t−1}|, of bits: no gradient flows through it.
            scale = torch.exp(torch.linalg.vector_norm(now - before, dim=1, keepdim=True))
            carried = h * scale if self.config["cell"] == "dynamic" else h
            z = now @ self.weight_ih_l0.T + carried @ self.weight_hh_l0.T
            if self.config["bias"]:
                z = z + self.bias_ih_l0 + self.bias_hh_l0
            if self.config["cell"] != "lstm":
                h = phi(z)
            else:
                i, f, g, o = z.chunk(4, dim=1)
                z = torch.sigmoid(i) * phi(g) + torch.sigmoid(f) * c
                if self.config.get("lstm_form", "standard") == "standard":
                    c = z
                    h = torch.sigmoid(o) * phi(c)
                else:
                    c = phi(z)
                    h = torch.sigmoid(o) * c
            before = now
            states.append(h)
        return torch.stack(states, dim=1), None


class Net(nn.Module):
    """A recurrent layer and a linear one: what the exported state dict is of."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        options = {"bias": config["bias"], "batch_first": True}
        cell, activation = config["cell"], config["activation"]
        if cell == "elman" and activation in ("tanh", "relu"):
            self.rnn = nn.RNN(2, config["hidden"], nonlinearity=activation, **options)
        elif cell == "lstm" and config.get("lstm_form", "standard") == "standard" and activation == "tanh":
            self.rnn = nn.LSTM(2, config["hidden"], **options)
        else:
            self.rnn = Written(config)
        self.out = nn.Linear(config["hidden"], 1, bias=config["bias"])

    def forward(self, x):
        z = self.out(self.rnn(x)[0]).squeeze(2)
        return z, SQUASH[self.config["output"]](z)


def loss(config, z, y, target):
    """The mean over samples of the sum over steps."""
    if config["loss"] == "mse":
        steps = (y - target) ** 2 / 2
    else:
        steps = nn.functional.binary_cross_entropy_with_logits(z, target, reduction="none")
    return steps.sum(1).mean()


def run(program, *words):
    ran = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"carrylane {' '.join(map(str, words))}: exit {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def furthest(found, expected):
    """The largest difference; whatever is no number is infinitely far."""
    difference = np.abs(np.asarray(found, np.float64) - np.asarray(expected, np.float64)).max()
    return difference if np.isfinite(difference) else np.inf


def sizes(net, config, arrays):
    """What each tensor's errors are measured against: the norm of all samples' parts of its gradient, in f64."""
    net = net.double()
    x = torch.tensor(np.stack([arrays["a"], arrays["b"]], axis=2), dtype=torch.float64)
    z, y = net(x)
    target = torch.tensor(arrays["target"], dtype=torch.float64)
    squares = dict.fromkeys((name for name, _ in net.named_parameters()), 0.0)
    for sample in range(len(x)):
        part = loss(config, z[sample : sample + 1], y[sample : sample + 1], target[sample : sample + 1]) / len(x)
        for name, grad in zip(squares, torch.autograd.grad(part, list(net.parameters()), retain_graph=True)):
            squares[name] += grad.square().sum().item()
    return {name: square**0.5 for name, square in squares.items()}


def against_torch(net, config, arrays):
    """Errors of outputs, loss and gradients in both precisions, ours against autograd's."""
    errors, parts = {}, sizes(net, config, arrays)
    for precision, dtype in DTYPES.items():
        net = net.to(dtype)
        net.zero_grad()
        x = torch.tensor(np.stack([arrays["a"], arrays["b"]], axis=2), dtype=dtype)
        z, y = net(x)
        value = loss(config, z, y, torch.tensor(arrays["target"], dtype=dtype))
        value.backward()
        parameters = dict(net.named_parameters())
        errors[f"outputs {precision}"] = furthest(y.detach(), arrays[f"outputs_{precision}"])
        expected = arrays[f"loss_{precision}"][0]
        gradients = [abs(value.item() - expected) / max(abs(value.item()), 1.0)]
        for ours, theirs in NAMES.items():
            if f"d{ours}_{precision}" not in arrays:
                continue
            gradient = parameters[theirs].grad.numpy().astype(np.float64)
            found = arrays[f"d{ours}_{precision}"].astype(np.float64)
            found = found.T if gradient.ndim == 2 else found
            norm = max(np.linalg.norm(gradient), parts[theirs])
            off = np.linalg.norm(found - gradient) / norm if norm > 0 else np.linalg.norm(found)
            gradients.append(off if np.isfinite(off) else np.inf)
        errors[f"gradients {precision}"] = max(gradients)
    return errors


def against_onnx(path, arrays):
    """Errors of ONNX Runtime's outputs: the whole minibatch, and its first addition, cut to three bits."""
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = np.stack([arrays["a"], arrays["b"]], axis=2).astype(np.float32)
    (y,) = session.run(["y"], {"x": x})
    (short,) = session.run(["y"], {"x": x[:1, :3]})
    expected = arrays["outputs_f32"]
    assert y.shape == expected.shape and short.shape == (1, min(3, expected.shape[1])), "shapes of y"
    return max(furthest(y, expected), furthest(short, expected[:1, :3]))


def again(program, folder, model, config):
    """Exported, imported and exported again: the same arrays, bit for bit."""
    for form in ("safetensors-torch", "npz"):
        first, back, second = folder / f"first.{form}", folder / "back", folder / "second.npz"
        run(program, "export", model, "--format", form, "-o", first)
        run(program, "import", first, "--format", form, "-o", back)
        run(program, "export", back, "--format", "npz", "-o", second)
        run(program, "export", model, "--format", "npz", "-o", folder / "own.npz")
        if (folder / "own.npz").read_bytes() != second.read_bytes():
            return False
    # And what PyTorch itself saves, without a word of carrylane in it.
    net = Net(config)
    net.load_state_dict(safetensors.torch.load_file(folder / "first.safetensors-torch"))
    safetensors.torch.save_file(net.state_dict(), folder / "torch")
    said = ["--cell", config["cell"], "--activation", config["activation"], "--output-activation", config["output"]]
    said += ["--lstm-form", config["lstm_form"]] if "lstm_form" in config else []
    said += ["--loss", config["loss"]]
    run(program, "import", folder / "torch", "--format", "safetensors-torch", "-o", back, *said)
    run(program, "export", back, "--format", "npz", "-o", second)
    own, read = np.load(folder / "own.npz"), np.load(second)
    weights = [name for name in NAMES if name in own]
    return all(own[name].tobytes() == read[name].tobytes() for name in weights) and own["config"].tobytes() == read["config"].tobytes()


def nets():
    """Flags of `carrylane train` for every net: cells, forms, activations, biases, outputs, losses."""
    cells = [("elman", a) for a in SQUASH] + [("dynamic", a) for a in SQUASH] + [("lstm", a) for a in SQUASH]
    cells = [["--cell", cell, "--activation", activation] for cell, activation in cells]
    cells += [["--cell", "lstm", "--lstm-form", "notebook", "--activation", activation] for activation in SQUASH]
    for cell, bias, hidden in itertools.product(cells, (True, False), (5, 16)):
        yield [*cell, "--hidden", str(hidden), *([] if bias else ["--bias", "false"])]
    for cell in (["--cell", "elman", "--activation", "tanh"], ["--cell", "lstm"], ["--cell", "dynamic"]):
        yield [*cell, "--loss", "cross-entropy"]
        yield [*cell, "--output-activation", "tanh"]
        yield [*cell, "--output-activation", "relu"]


PROVED = (["--hidden", "16"], ["--hidden", "64"], ["--cell", "lstm", "--hidden", "8"])


def sums(pairs, bits):
    """Operands as bits, and their sums: random ones; of long numbers carries of every length, before random bits."""
    rng = np.random.default_rng(pairs + bits)
    operands = rng.integers(0, 2, (2, pairs, bits), dtype=np.uint8)
    if bits > 1000:
        # A carry that is made in the first bit, and carried through so many more.
        for pair, length in enumerate(np.linspace(1, bits - 1, pairs, dtype=int)):
            operands[0, pair, :length], operands[1, pair, :length] = 1, 0
            operands[1, pair, 0] = 1
    operands[:, :, -1] = 0
    carry, target = np.zeros(pairs, np.uint8), np.empty((pairs, bits), np.uint8)
    for t in range(bits):
        count = operands[0, :, t] + operands[1, :, t] + carry
        target[:, t], carry = count & 1, count >> 1
    return operands.transpose(1, 2, 0), target


def step(net, x, h, c):
    """A step in f64 from a state in f32: h, and c of an LSTM."""
    weight = {name: value.detach().double() for name, value in net.rnn.named_parameters()}
    z = x.double() @ weight["weight_ih_l0"].T + h.double() @ weight["weight_hh_l0"].T
    z = z + weight["bias_ih_l0"] + weight["bias_hh_l0"]
    phi = SQUASH[net.config["activation"]]
    if net.config["cell"] != "lstm":
        return [phi(z)]
    i, f, g, o = z.chunk(4, dim=1)
    c = torch.sigmoid(i) * phi(g) + torch.sigmoid(f) * c.double()
    return [torch.sigmoid(o) * phi(c), c]


def step_error(net, x):
    """The largest error of PyTorch's f32 in a step, relative to 1 plus the magnitude of what it is an error of."""
    worst, bits = 0.0, x.shape[1]
    state = [torch.zeros(len(x), net.config["hidden"]) for _ in range(2 if net.config["cell"] == "lstm" else 1)]
    for t in range(bits):
        now = x[:, t]
        if net.config["cell"] == "lstm":
            after = [part[0] for part in net.rnn(now[:, None], tuple(part[None] for part in state))[1]]
        else:
            cell = net.rnn
            z = nn.functional.linear(now, cell.weight_ih_l0, cell.bias_ih_l0)
            z = z + nn.functional.linear(state[0], cell.weight_hh_l0, cell.bias_hh_l0)
            after = [SQUASH[net.config["activation"]](z)]
        for found, exact in zip(after, step(net, now, state[0], state[-1])):
            worst = max(worst, ((found.double() - exact).abs() / (1 + exact.abs())).max().item())
        state = after
    return worst


def proved(program):
    """How many nets fail of those whose floats are proved, as the certificate named in their files says."""
    failed = 0
    print(f"\n{'proved as floats':<32} {'sums of 64 bits':>16} {'of 4,096 bits':>14} {'wrong in torch':>15} {'in onnx':>8} {'step error':>11} {'ε':>8}")
    for flags, seed in itertools.product(PROVED, range(2)):
        with tempfile.TemporaryDirectory() as name, torch.no_grad():
            folder = pathlib.Path(name)
            run(program, "train", "--until", "proved", "--threads", "1", "--seed", seed, "--out", folder, *flags)
            model = folder / "model.safetensors"
            for form in ("npz", "safetensors-torch", "onnx"):
                run(program, "export", model, "--format", form, "-o", folder / f"net.{form}")
            notes = {prop.key: prop.value for prop in onnx.load(folder / "net.onnx").metadata_props}
            lines = run(program, "prove", model, "--float-certificate", folder / "floats", "--json").splitlines()
            floats = next(line for line in map(json.loads, lines) if line["type"] == "proof")["floats"]
            run(program, "prove", model, "--check", folder / "floats")
            epsilon = float(notes["float_epsilon"])
            net = Net(json.loads(np.load(folder / "net.npz")["config"].tobytes()))
            net.load_state_dict(safetensors.torch.load_file(folder / "net.safetensors-torch"))
            session = onnxruntime.InferenceSession(str(folder / "net.onnx"), providers=["CPUExecutionProvider"])
            wrong, count = [0, 0], [0, 0]
            for kind, (pairs, bits, times) in enumerate([(50_000, 65, 20), (256, 4097, 1)]):
                for part in range(times):
                    x, target = sums(pairs + part, bits)
                    x = x.astype(np.float32)
                    for place, y in enumerate([net(torch.from_numpy(x))[1].numpy(), session.run(["y"], {"x": x})[0]]):
                        wrong[place] += int(((y > 0.5) != target).any(axis=1).sum())
                    count[kind] += len(x)
            error = step_error(net, torch.from_numpy(sums(2_000, 65)[0].astype(np.float32)))
            ok = floats["certificate_hash"] == notes["float_certificate"] and wrong == [0, 0] and error < epsilon
            failed += not ok
            print(f"{' '.join(flags) + f' --seed {seed}':<32} {count[0]:>16,} {count[1]:>14,} {wrong[0]:>15} {wrong[1]:>8} "
                  f"{error:>11.1e} {epsilon:>8.1e}{'' if ok else '  FAILED'}", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="carrylane")
    parser.add_argument("--updates", type=int, default=40, help="of each training [%(default)s]")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{run(args.program, '--version').strip()}, torch {torch.__version__}, onnxruntime {onnxruntime.__version__}, "
          f"onnx {onnx.__version__}, numpy {np.__version__}")
    columns = ["outputs f32", "outputs f64", "gradients f32", "gradients f64", "onnx"]
    bounds = [OUTPUT, OUTPUT, GRADIENT["f32"], GRADIENT["f64"], OUTPUT]
    print(f"{'net':<76} {'in':<8} " + " ".join(f"{column:>13}" for column in columns) + "  back")
    print(f"{'bound':<85} " + " ".join(f"{bound:>13.0e}" for bound in bounds))
    worst, failed, count = dict.fromkeys(columns, 0.0), 0, 0
    for flags in nets():
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            run(args.program, "train", "--updates", args.updates, "--lr", "0.01", "--threads", "1", "--out", folder, *flags)
            model = folder / "model.safetensors"
            run(args.program, "export", model, "--format", "npz", "--gradients", "--bits", "9", "--batch", "70", "-o", folder / "net.npz")
            run(args.program, "export", model, "--format", "safetensors-torch", "-o", folder / "net.torch")
            run(args.program, "export", model, "--format", "onnx", "-o", folder / "net.onnx")
            arrays = np.load(folder / "net.npz")
            config = json.loads(arrays["config"].tobytes())
            net = Net(config)
            net.load_state_dict(safetensors.torch.load_file(folder / "net.torch"))
            errors = against_torch(net, config, arrays) | {"onnx": against_onnx(str(folder / "net.onnx"), arrays)}
            same = again(args.program, folder, model, config)
            ok = same and all(errors[column] <= bound for column, bound in zip(columns, bounds))
            worst = {column: max(worst[column], errors[column]) for column in columns}
            failed, count = failed + (not ok), count + 1
            layer = {"Written": "by hand"}.get(type(net.rnn).__name__, f"nn.{type(net.rnn).__name__}")
            figures = " ".join(f"{errors[column]:>13.1e}" for column in columns)
            print(f"{' '.join(flags):<76} {layer:<8} {figures}  {'same' if same else 'OTHER'}{'' if ok else '  FAILED'}", flush=True)
    print(f"{'worst':<85} " + " ".join(f"{worst[column]:>13.1e}" for column in columns))
    print(f"{count} nets, {failed} failed")
    failed += proved(args.program)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
