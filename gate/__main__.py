"""`python -m gate` is the command `gate`."""

from gate.cli.main import main

if __name__ == "__main__":
    main(prog_name="gate")
