# Before the first job, and after one has failed.


onstart:
    # Snakemake's own notes do not fit on a full disk, and it does not say so in words
    watch = DiskWatch()
    logger.addHandler(watch)
    atexit.register(tell_if_full, watch)
    try:
        # a target of the user's own may be a small part of the run
        whole = set(workflow.dag_settings.targets) <= {"all"}
        print(check_space(PLAN, whole=whole), file=sys.stderr)
        note_owner(Path.cwd())
    except NeuronXAError as error:
        raise WorkflowError(str(error)) from None
    except OSError as error:
        raise WorkflowError(
            str(explain_disk(error, folder=Path()) or error)
        ) from None
    # Snakemake's rate limit of submissions starts a timer of one second with every look at the
    # queue, and every timer is another look: after 200 jobs they eat a third of a core. Jobs on
    # this machine are limited by its cores; those of a cluster keep their limit.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None
        # A GPU of this machine serves one job at a time, unless a profile says how many there are.
        # Which executor it is, is not known before.
        for limits in (
            workflow.scheduler.global_resources,
            workflow.scheduler.resources,
        ):
            limits.setdefault("gpu", 1)


onerror:
    # what the jobs have said stands far above, or on another machine
    logs = Path("results/logs")
    stopped = [str(failed) for failed in failed_jobs(logs, since=STARTED_AT)]
    for_memory = memory_kills() > MEMORY_KILLS
    stopped += [
        tell_killed(killed, for_memory=for_memory)
        for killed in killed_jobs(logs, since=STARTED_AT)
    ]
    if stopped:
        print("\nWhat stopped the run:", *stopped, sep="\n\n", file=sys.stderr)
