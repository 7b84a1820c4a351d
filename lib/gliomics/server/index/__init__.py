"""What lies in the studies folder, known without looking through it for each request."""
