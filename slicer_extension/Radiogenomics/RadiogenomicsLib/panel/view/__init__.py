"""How the panel shows what the view model says."""
