complete --keep-order --exclusive --command hidsctl --arguments "(HIDSCTL_COMPLETE=fish hidsctl -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
