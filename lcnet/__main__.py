"""``python -m lcnet``."""

from lcnet.cli import main

if __name__ == "__main__":
    main()
