"""Files: HDF5 event files, atomic output, nothing half-written left behind."""
