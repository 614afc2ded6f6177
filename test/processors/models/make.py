"""Makes autoencoder, kinds and convolution .onnx here, and what onnxruntime makes of some rows (.json); no test runs it.

pip install onnx==1.23.2 onnxruntime==1.32.0 numpy
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
random = np.random.default_rng(7)
weights = []


def weight(name, *shape):
    weights.append(numpy_helper.from_array(random.normal(0, 0.4, shape).astype(np.float32), name))
    return name


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs, [output], **attributes)


def save(name, nodes, shape_in, shape_out, rows=None):
    ports = [helper.make_tensor_value_info(port, TensorProto.FLOAT, shape)
             for port, shape in (("in", shape_in), ("out", shape_out))]
    graph = helper.make_graph(nodes, name, ports[:1], ports[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, HERE / f"{name}.onnx")
    weights.clear()
    if rows is None:
        return
    session = onnxruntime.InferenceSession(HERE / f"{name}.onnx")
    outputs = [session.run(None, {"in": row[None]})[0][0].tolist() for row in rows]
    (HERE / f"{name}.json").write_text(json.dumps({"rows": rows.tolist(), "outputs": outputs}))


# The first layer as a converter of TensorFlow writes it, the second as PyTorch does.
autoencoder = [
    node("MatMul", ["in", weight("w1", 18, 14)], "m1"),
    node("Add", ["m1", weight("b1", 14)], "a1"),
    node("Tanh", ["a1"], "t1"),
    node("Gemm", ["t1", weight("w2", 7, 14), weight("b2", 7)], "g2", transB=1),
    node("Relu", ["g2"], "r2"),
    node("Gemm", ["r2", weight("w3", 7, 7), weight("b3", 7)], "g3", alpha=0.5, beta=2.0),
    node("Tanh", ["g3"], "t3"),
    node("MatMul", ["t3", weight("w4", 7, 18)], "m4"),
    node("Add", ["m4", weight("b4", 18)], "out"),
]
save("autoencoder", autoencoder, ["batch", 18], ["batch", 18], random.uniform(-1, 1, (5, 18)).astype(np.float32))

kinds = []
last = "in"
for at, (kind, attributes) in enumerate([
    ("Relu", {}), ("LeakyRelu", {"alpha": 0.2}), ("LeakyRelu", {}), ("Elu", {"alpha": 0.7}),
    ("Tanh", {}), ("Sigmoid", {}), ("Softplus", {}),
]):
    kinds.append(node("Gemm", [last, weight(f"w{at}", 6, 6), weight(f"b{at}", 6)], f"g{at}"))
    kinds.append(node(kind, [f"g{at}"], f"o{at}", **attributes))
    last = f"o{at}"
kinds += [
    node("Sub", [last, weight("c", 1)], "s"),
    node("Mul", ["s", "in"], "m"),
    node("Constant", [], "k", value=numpy_helper.from_array(np.array([2.5], np.float32))),
    node("Div", ["m", "k"], "d"),
    node("Flatten", ["d"], "f"),
    node("Identity", ["f"], "out"),
]
save("kinds", kinds, [1, 6], [1, 6], random.uniform(-2, 2, (5, 6)).astype(np.float32))
save("convolution", [node("Conv", ["in", weight("w", 1, 1, 3)], "out")], [1, 1, 6], [1, 1, 4])
