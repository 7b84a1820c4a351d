"""What the user sees and does: Qt widgets, what they show and allow, and the jobs that they start."""
