"""What the application's views show: layouts, surfaces, maps over the image, plots."""
