"""The PyTorch side of the CPU benchmarks: reads one JSON command a line, answers with one line.

    {"do": "load", "weights": path, "config": {...}, "threads": n}   -> {"torch": version, ...}
    {"do": "step", "count": n}                        -> {"loss": first loss, "seconds": [...]}
    {"do": "product", "rows": m, "columns": n, "depth": k, "count": c} -> {"seconds": [...]}
    {"do": "peak"}                                    -> {"bytes": peak resident size}
"""

import json
import resource
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


class Model:
    def __init__(self, tensors, config, device):
        self.device = device
        tensors = {name: value.to(device) for name, value in tensors.items()}
        self.config = config
        self.inputs = {name[6:]: value for name, value in tensors.items() if name.startswith("input.")}
        self.p = {name: value.requires_grad_() for name, value in tensors.items()
                  if not name.startswith("input.")}
        self.optimizer = torch.optim.AdamW(list(self.p.values()), lr=1e-3, betas=(0.9, 0.98), eps=1e-8,
                                           weight_decay=0.05, fused=True)

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.p[name + ".weight"], self.p[name + ".bias"], 1e-6)

    def block(self, x, name, bias):
        p, heads = self.p, self.config["heads"]
        b, n, c = x.shape
        h = self.norm(x, name + ".norm1")
        zeros = torch.zeros_like(p[name + ".attn.v_bias"])
        qkv_bias = torch.cat((p[name + ".attn.q_bias"], zeros, p[name + ".attn.v_bias"]))
        qkv = F.linear(h, p[name + ".attn.qkv.weight"], qkv_bias)
        q, k, v = qkv.reshape(b, n, 3, heads, c // heads).permute(2, 0, 3, 1, 4)
        h = F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).reshape(b, n, c)
        h = F.linear(h, p[name + ".attn.proj.weight"], p[name + ".attn.proj.bias"])
        x = x + p[name + ".gamma_1"] * h
        h = self.norm(x, name + ".norm2")
        h = F.gelu(F.linear(h, p[name + ".mlp.fc1.weight"], p[name + ".mlp.fc1.bias"]))
        h = F.linear(h, p[name + ".mlp.fc2.weight"], p[name + ".mlp.fc2.bias"])
        return x + p[name + ".gamma_2"] * h

    def loss(self):
        p, config, inputs = self.p, self.config, self.inputs
        x = F.conv2d(inputs["images"], p["patch_embed.proj.weight"], p["patch_embed.proj.bias"],
                     stride=config["patchSize"]).flatten(2).transpose(1, 2)
        b, n, c = x.shape
        mask = inputs["mask"].unsqueeze(-1)
        x = x * (1 - mask) + p["mask_token"] * mask
        x = torch.cat((p["cls_token"].expand(b, -1, -1), x), 1)
        table = p["rel_pos_bias.relative_position_bias_table"]
        index = inputs["relative"].long()
        bias = table[index.view(-1)].view(n + 1, n + 1, -1).permute(2, 0, 1).contiguous()
        for layer in range(config["depth"]):
            x = self.block(x, f"blocks.{layer}", bias)
            if layer == config["earlyLayers"] - 1:
                early = x
        branches = [x]
        if config["headLayers"] > 0:
            y = torch.cat((x[:, :1], early[:, 1:]), 1)
            for layer in range(config["headLayers"]):
                y = self.block(y, f"cls_pt_layers.{layer}", bias)
            branches.append(y)
        positions, targets = inputs["positions"].long(), inputs["targets"].long()
        total = 0
        for tokens in branches:
            rows = self.norm(tokens[:, 1:], "norm").reshape(-1, c)[positions]
            total = total + F.cross_entropy(F.linear(rows, p["lm_head.weight"], p["lm_head.bias"]),
                                            targets)
        return total

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device, dtype=self.autocast, enabled=self.autocast is not None):
            loss = self.loss()
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


model = None
for line in sys.stdin:
    command = json.loads(line)
    if command["do"] == "load":
        torch.set_num_threads(command["threads"])
        if "weights" in command:
            device = command.get("device", "cpu")
            model = Model(read_safetensors(command["weights"]), command["config"], device)
            precision = command["precision"]
            model.autocast = None if precision == "float32" else getattr(torch, precision)
            model.scaler = torch.amp.GradScaler(device, enabled=precision == "float16")
        answer = {"torch": torch.__version__, "threads": torch.get_num_threads(),
                  "capability": torch.backends.cpu.get_cpu_capability()}
    elif command["do"] == "step":
        losses = []
        # On a GPU the steps follow one another without waiting, as in training.
        run = (lambda: losses.append(model.step().item())) if model.device == "cpu" else (
            lambda: (losses.extend([model.step() for _ in range(command["together"])]),
                     torch.cuda.synchronize()))
        answer = {"seconds": timed(command["count"], run)}
        answer["loss"] = float(losses[0])
    elif command["do"] == "product":
        a = torch.randn(command["rows"], command["depth"])
        b = torch.randn(command["columns"], command["depth"])
        out = torch.empty(command["rows"], command["columns"])
        answer = {"seconds": timed(command["count"], lambda: torch.matmul(a, b.t(), out=out))}
    else:
        answer = {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    print(json.dumps(answer), flush=True)
