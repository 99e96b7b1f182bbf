"""What comes in and goes out: files that are whole, videos and pictures, numbers and texts of users."""
