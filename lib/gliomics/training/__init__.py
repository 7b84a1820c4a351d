"""From labelled patients to a network with figures on patients that it never saw."""
