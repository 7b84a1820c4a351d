"""What the widgets of each section do: one controller for each."""
