"""The PyTorch side of the benchmarks: reads one JSON command a line, answers with one line.

    {"do": "load", "threads": n}                      -> {"torch": version, ...}
    with "weights": path, "config": {...}, "precision": "float32", ...; and if wanted "tokenizer": {...},
    "device": "cuda"
    {"do": "tokenize"}                                -> {"codes": [...]}
    {"do": "step", "count": n}                        -> {"loss": first loss, "seconds": [...]}
    on a GPU a step is "together": k of them, which do not wait for one another
    {"do": "product", "rows": m, "columns": n, "depth": k, "count": c} -> {"seconds": [...]}
    with "precision": "bfloat16" operands and result are bfloat16
    {"do": "resident"}                                -> {"bytes": now, "peakBytes": at most}
"""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F


def read_safetensors(path):
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        start = 8 + size
        types = {"F32": np.float32, "I32": np.int32}
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            first, last = entry["data_offsets"]
            file.seek(start + first)
            values = np.frombuffer(file.read(last - first), dtype=types[entry["dtype"]])
            tensors[name] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    return tensors


def below(tensors, prefix):
    return {name[len(prefix):]: value for name, value in tensors.items() if name.startswith(prefix)}


def norm(p, x, name):
    return F.layer_norm(x, x.shape[-1:], p[name + ".weight"], p[name + ".bias"], 1e-6)


def embed(p, images, name, patch_size):
    x = F.conv2d(images, p[name + ".weight"], p[name + ".bias"], stride=patch_size)
    return x.flatten(2).transpose(1, 2)


def block(p, x, name, heads, bias):
    b, n, c = x.shape
    h = norm(p, x, name + ".norm1")
    zeros = torch.zeros_like(p[name + ".attn.v_bias"])
    qkv_bias = torch.cat((p[name + ".attn.q_bias"], zeros, p[name + ".attn.v_bias"]))
    qkv = F.linear(h, p[name + ".attn.qkv.weight"], qkv_bias)
    q, k, v = qkv.reshape(b, n, 3, heads, c // heads).permute(2, 0, 3, 1, 4)
    h = F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).reshape(b, n, c)
    h = F.linear(h, p[name + ".attn.proj.weight"], p[name + ".attn.proj.bias"])
    has_scale = name + ".gamma_1" in p
    x = x + p[name + ".gamma_1"] * h if has_scale else x + h
    h = norm(p, x, name + ".norm2")
    h = F.gelu(F.linear(h, p[name + ".mlp.fc1.weight"], p[name + ".mlp.fc1.bias"]))
    h = F.linear(h, p[name + ".mlp.fc2.weight"], p[name + ".mlp.fc2.bias"])
    return x + p[name + ".gamma_2"] * h if has_scale else x + h


class Tokenizer:
    """The encoder of VQ-KD and the nearest code of each patch."""

    def __init__(self, p, config):
        self.p, self.config = p, config

    @torch.no_grad()
    def encode(self, images):
        p, config = self.p, self.config
        x = embed(p, images, "encoder.patch_embed.proj", config["patchSize"])
        x = torch.cat((p["encoder.cls_token"].expand(len(x), -1, -1), x), 1) + p["encoder.pos_embed"]
        for layer in range(config["depth"]):
            x = block(p, x, f"encoder.blocks.{layer}", config["heads"], None)
        x = norm(p, x[:, 1:], "encoder.fc_norm")
        # As in the reference, the projection to code space is float32 under autocast too.
        with torch.autocast(x.device.type, enabled=False):
            x = F.linear(x.float(), p["encode_task_layer.0.weight"], p["encode_task_layer.0.bias"])
            x = F.linear(x.tanh(), p["encode_task_layer.2.weight"], p["encode_task_layer.2.bias"])
            z = F.normalize(x, dim=-1).flatten(0, 1)
            return (z @ p["quantize.embedding.weight"].t()).argmax(1)


class Model:
    def __init__(self, tensors, config, tokenizer, precision, device):
        self.device = device
        tensors = {name: value.to(device) for name, value in tensors.items()}
        self.config = config
        self.precision = precision
        self.scaler = torch.amp.GradScaler(device, enabled=precision == "float16")
        self.inputs = below(tensors, "input.")
        self.tokenizer = tokenizer and Tokenizer(below(tensors, "tokenizer."), tokenizer)
        self.p = {name: value.requires_grad_() for name, value in tensors.items()
                  if not name.startswith(("input.", "tokenizer."))}
        self.optimizer = torch.optim.AdamW(list(self.p.values()), lr=1e-3, betas=(0.9, 0.98), eps=1e-8,
                                           weight_decay=0.05, fused=True)

    def autocast(self):
        is_on = self.precision != "float32"
        return torch.autocast(self.device, dtype=getattr(torch, self.precision), enabled=is_on)

    def codes(self):
        with self.autocast():
            return self.tokenizer.encode(self.inputs["images"])

    def targets(self):
        if self.tokenizer is None:
            return self.inputs["targets"].long()
        return self.codes()[self.inputs["positions"].long()]

    def loss(self, targets):
        p, config, inputs = self.p, self.config, self.inputs
        x = embed(p, inputs["images"], "patch_embed.proj", config["patchSize"])
        b, n, c = x.shape
        mask = inputs["mask"].unsqueeze(-1)
        x = x * (1 - mask) + p["mask_token"] * mask
        x = torch.cat((p["cls_token"].expand(b, -1, -1), x), 1)
        table = p["rel_pos_bias.relative_position_bias_table"]
        index = inputs["relative"].long()
        bias = table[index.view(-1)].view(n + 1, n + 1, -1).permute(2, 0, 1).contiguous()
        for layer in range(config["depth"]):
            x = block(p, x, f"blocks.{layer}", config["heads"], bias)
            if layer == config["earlyLayers"] - 1:
                early = x
        branches = [x]
        if config["headLayers"] > 0:
            y = torch.cat((x[:, :1], early[:, 1:]), 1)
            for layer in range(config["headLayers"]):
                y = block(p, y, f"cls_pt_layers.{layer}", config["heads"], bias)
            branches.append(y)
        positions = inputs["positions"].long()
        total = 0
        for tokens in branches:
            rows = norm(p, tokens[:, 1:], "norm").reshape(-1, c)[positions]
            total = total + F.cross_entropy(F.linear(rows, p["lm_head.weight"], p["lm_head.bias"]),
                                            targets)
        return total

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        targets = self.targets()
        with self.autocast():
            loss = self.loss(targets)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(list(self.p.values()), 3.0)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()


def timed(count, run):
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return seconds


def run_steps(count, losses):
    losses.extend([model.step() for _ in range(count)])
    if model.device == "cuda":
        torch.cuda.synchronize()


def resident():
    lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
    bytes_of = lambda name: 1024 * int(lines[name].split()[0])
    return {"bytes": bytes_of("VmRSS"), "peakBytes": bytes_of("VmHWM")}


model = None
for line in sys.stdin:
    command = json.loads(line)
    if command["do"] == "load":
        torch.set_num_threads(command["threads"])
        if "weights" in command:
            model = Model(read_safetensors(command["weights"]), command["config"],
                          command.get("tokenizer"), command["precision"], command.get("device", "cpu"))
        answer = {"torch": torch.__version__, "threads": torch.get_num_threads(),
                  "capability": torch.backends.cpu.get_cpu_capability()}
    elif command["do"] == "tokenize":
        answer = {"codes": model.codes().tolist()}
    elif command["do"] == "step":
        losses = []
        answer = {"seconds": timed(command["count"], lambda: run_steps(command.get("together", 1), losses))}
        answer["loss"] = float(losses[0])
    elif command["do"] == "product":
        dtype = getattr(torch, command.get("precision", "float32"))
        a = torch.randn(command["rows"], command["depth"]).to(dtype)
        b = torch.randn(command["columns"], command["depth"]).to(dtype)
        out = torch.empty(command["rows"], command["columns"], dtype=dtype)
        answer = {"seconds": timed(command["count"], lambda: torch.matmul(a, b.t(), out=out))}
    else:
        answer = resident()
    print(json.dumps(answer), flush=True)
