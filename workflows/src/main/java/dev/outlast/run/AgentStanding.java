package dev.outlast.run;

import static dev.outlast.operator.OperatorTexts.moment;
import static dev.outlast.operator.OperatorTexts.plain;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import java.time.Instant;

/**
 * Where one of a run's agents stands.
 *
 * @param agent its name on the worker
 * @param model null for the agent's own default
 * @param session its session in this run; null if it has none yet
 * @param opensAt when its account is expected to be open again, the end of the year 9999 if nothing
 *     says that it ever is; null if it is not known to be closed
 * @param current whether it is the one that is used now
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record AgentStanding(
    String agent,
    String provider,
    String account,
    String model,
    SessionId session,
    Instant opensAt,
    boolean current) {

  /**
   * In words that are safe to show: {@code claude/work (present) closed until 2026-11-21 15:00:00
   * UTC}.
   */
  public String words() {
    return plain(agent)
        + "/"
        + plain(account)
        + (current ? " (present)" : "")
        + (opensAt == null
            ? ""
            : " closed" + (opensAt.equals(Choices.NEVER) ? "" : " until " + moment(opensAt)));
  }

  /** How people name an agent with its account: {@code claude/work}. */
  static String name(ResolvedAgent agent) {
    return plain(agent.agent()) + "/" + plain(agent.account());
  }
}
