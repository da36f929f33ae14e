"""The command line: `toymc`, one module per command group, each loaded only when it is called."""
