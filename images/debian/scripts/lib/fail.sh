# Ends a check. Argument: the property that the image lacks.
fail() { echo "The check failed: $1"; exit 1; }
