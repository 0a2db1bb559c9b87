"""What the card tells of the recipe, for what runs without PyTorch."""

#: Share of the samples that are drawn by `bearwatch simulate`.
SIMULATED_SHARE = 0.15
