"""What people look at: the page of a run, pictures of layouts, tables and plots of a memory and of a probe."""
