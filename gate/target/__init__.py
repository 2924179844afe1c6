"""What the gate is pointed at: settings, profile and policy, each validated before anything is sent."""
