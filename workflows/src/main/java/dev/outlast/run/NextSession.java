package dev.outlast.run;

import dev.outlast.agent.HandoffRequest;
import dev.outlast.agent.ResumeWith;
import io.temporal.common.converter.DataConverterException;
import io.temporal.failure.ActivityFailure;
import java.util.ArrayList;
import java.util.List;

/**
 * With which session a run goes on after a limit or a long rest, and what that session is told of
 * what was done in others.
 */
final class NextSession {

  private final AgentRunRequest request;
  private final RunMemory memory;
  private final HostWait host;

  NextSession(AgentRunRequest request, RunMemory memory, HostWait host) {
    this.request = request;
    this.memory = memory;
    this.host = host;
  }

  /** Whether the session is gone on with in which nobody has worked for a while. */
  void decide() {
    ResumeWith with = request.resumeWith();
    if (with == null) {
      // A conversation that the user names is wanted for itself; only the user gives it up.
      boolean named = request.goesOn() && !memory.apart();
      with = named ? ResumeWith.SESSION : memory.agent().accountPolicy().resumeWith();
    }
    if (with == ResumeWith.SESSION || !memory.sessionOpen()) {
      return;
    }
    Long context = memory.contextTokens();
    long most = memory.agent().accountPolicy().handoffAbove();
    boolean fresh = with == ResumeWith.HANDOFF || (context != null && context > most);
    String size = context == null ? "a context of unknown size" : context + " tokens of context";
    memory.record(
        RunClock.now(),
        RunEvent.Type.RESUMES_WITH,
        null,
        (fresh ? "a fresh session; the one before has " : "the same session; it has ")
            + size
            + (with == ResumeWith.HANDOFF ? "" : ", and a fresh one is taken above " + most));
    if (fresh) {
      memory.handOff(AgentSession.idForAnother(memory.agent()));
    }
  }

  /** Tells the session what it has missed; whether that took no time. */
  boolean arrive() {
    List<RunAgent> missed = memory.missed();
    memory.arrived(
        missed.isEmpty() ? null : notes(missed), request.resumeMessageOf(memory.agent()));
    return missed.isEmpty();
  }

  private String notes(List<RunAgent> missed) {
    List<String> each = new ArrayList<>();
    for (RunAgent one :
        missed.subList(Math.max(0, missed.size() - Handoff.MAX_SESSIONS), missed.size())) {
      each.add(AgentStanding.name(one.agent()) + ":\n" + notes(one));
    }
    return Handoff.notes(each);
  }

  private String notes(RunAgent one) {
    String text = "";
    try {
      text =
          AgentCalls.noteTaker(memory.agent(), host.takenWithin())
              .handOff(
                  new HandoffRequest(
                      one.agent().provider(),
                      one.session().transcript(),
                      memory.agent().workspace(),
                      memory.turn()))
              .text();
    } catch (ActivityFailure | DataConverterException unread) {
      Cancellation.throwIfRequested();
      memory.record(
          RunClock.now(),
          RunEvent.Type.WITHOUT_NOTES,
          null,
          "what " + AgentStanding.name(one.agent()) + " has done could not be read");
    }
    return text.isBlank() ? "nothing but that it was at work" : text;
  }
}
