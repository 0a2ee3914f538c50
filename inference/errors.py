"""What the engine may answer instead of events. Free of torch, so that every room may catch it."""


class ModelError(Exception):
    """The model cannot be loaded or used; the message names the setting and what is allowed."""


class PromptError(Exception):
    """These messages cannot be written as a prompt for this model."""


class PromptTooLong(PromptError):
    """Even the system message and the last message do not fit the context."""


class EngineRefusal(Exception):
    """The engine takes no work; nothing was accepted and no event will come."""


class QueueFull(EngineRefusal):
    """As many parts wait as may wait; try again later."""


class EngineStopped(EngineRefusal):
    """The engine was stopped and will not start again."""


class EngineFailed(EngineRefusal):
    """The model could not be loaded; the message says why."""


class KVTooSmall(EngineRefusal):
    """One request needs more memory for keys and values than INFERENCE_KV_MB allows in all."""
