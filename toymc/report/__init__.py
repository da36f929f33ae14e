"""What a study leaves behind: result.json, run.toml, the HEPData submission and report.html."""
