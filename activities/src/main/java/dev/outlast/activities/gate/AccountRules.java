package dev.outlast.activities.gate;

import dev.outlast.limit.GateSettings;
import dev.outlast.limit.ResumePolicy;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.Objects;

/**
 * How an account is kept on one host.
 *
 * @param settings of its gate
 * @param reserve hours in which only runs of a high priority may start an agent
 * @param quiet hours in which no run may
 * @param policy how long a limit lasts where the agent does not say it, and its margin
 * @param zone of the hours, and of the days by which spending is counted
 */
public record AccountRules(
    GateSettings settings, Hours reserve, Hours quiet, ResumePolicy policy, ZoneId zone) {

  public AccountRules {
    Objects.requireNonNull(settings, "settings");
    Objects.requireNonNull(reserve, "reserve");
    Objects.requireNonNull(quiet, "quiet");
    Objects.requireNonNull(policy, "policy");
    Objects.requireNonNull(zone, "zone");
  }

  /** Whether the number of agents at work is bounded, so that each of them takes a place. */
  boolean bounded() {
    return settings.maxAgents() > 0;
  }

  /** The day of a moment, as this host's zone has it. */
  LocalDate day(Instant moment) {
    return moment.atZone(zone).toLocalDate();
  }

  /** When that day ends; it may have 23 or 25 hours. */
  Instant dayEnds(Instant moment) {
    return day(moment).plusDays(1).atStartOfDay(zone).toInstant();
  }
}
