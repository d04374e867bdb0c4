package dev.outlast.activities;

import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.Surroundings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The name of the place in which an agent's program keeps its sessions. */
final class SessionPlace {

  private static final Logger log = LoggerFactory.getLogger(SessionPlace.class);

  private SessionPlace() {}

  /**
   * The name, {@code provider:folder@host}. Agents have the same one if, and only if, each can go
   * on with the sessions of the other: links are followed, so that two ways to one folder are one
   * place.
   *
   * @param environment that the agent is started with
   * @return null if it is not known, or holds a secret
   */
  static String of(
      AgentHost host, AgentDefinition agent, AgentDriver driver, ChildEnvironment environment) {
    try {
      Optional<Path> folder =
          driver.sessionsAt(
              new Surroundings(host.zone(), environment.variables(), host.stateFolder()));
      if (folder.isEmpty() || environment.redaction().finds(folder.get().toString())) {
        return null;
      }
      return agent.provider() + ":" + real(folder.get()) + "@" + host.hostId();
    } catch (IOException | InvalidPathException | SecurityException unknown) {
      log.debug("Agent {}: where it keeps its sessions is not known", agent.name(), unknown);
      return null;
    }
  }

  /** The real path; of what does not exist yet, that of the folder it will be in. */
  private static Path real(Path path) throws IOException {
    Path there = path;
    Path missing = Path.of("");
    while (there.getParent() != null && !Files.exists(there, LinkOption.NOFOLLOW_LINKS)) {
      missing = there.getFileName().resolve(missing);
      there = there.getParent();
    }
    return there.toRealPath().resolve(missing).normalize();
  }
}
