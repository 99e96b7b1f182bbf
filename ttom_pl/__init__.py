"""Test-time optimisation and memorisation for compositional video generation, on PyTorch Lightning."""
