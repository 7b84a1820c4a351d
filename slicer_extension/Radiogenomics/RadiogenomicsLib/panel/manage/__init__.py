"""What whoever looks after models and labels sees: trainings, versions, studies with annotators."""
