"""The center: one writer, its timers, its readers, on trio."""
