package dev.outlast.worker.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.OutputStreamAppender;
import dev.outlast.activities.secret.KnownSecrets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The log of {@code outlast worker}, by its own configuration. */
class SafeTextTest {

  private static final String SECRET = "sentinel/of the\"log-5b90";
  private static final String KEY =
      "-----BEGIN PRIVATE KEY-----\n"
          + "MIIEowIBAAKCAQEAx1Yp9dF3m4u5v6w7x8y9z0A1B2C3D4E5F6G7H8I9J0K1L2M3\n"
          + "-----END PRIVATE KEY-----";

  private final LoggerContext context = new LoggerContext();
  private OutputStreamAppender<ILoggingEvent> appender;

  @BeforeEach
  void setUp() throws Exception {
    context.setMDCAdapter(new LogbackMDCAdapter());
    JoranConfigurator configurator = new JoranConfigurator();
    configurator.setContext(context);
    configurator.doConfigure(SafeTextTest.class.getResource("/logback.xml"));
    appender =
        (OutputStreamAppender<ILoggingEvent>)
            context.getLogger("ROOT").iteratorForAppenders().next();
    KnownSecrets.learn(List.of(SECRET));
  }

  @AfterEach
  void tearDown() {
    context.stop();
  }

  /** The line that is written, without the time before it. */
  private String line(Throwable thrown, Map<String, String> mdc, String message, Object... more) {
    LoggingEvent event =
        new LoggingEvent(
            "?", context.getLogger("a.b.Some"), Level.WARN, message, thrown, more.clone());
    event.setMDCPropertyMap(mdc);
    String line = new String(appender.getEncoder().encode(event), StandardCharsets.UTF_8);
    assertTrue(line.endsWith("\n"), line);
    assertEquals(1, line.lines().count(), line);
    return line.strip().replaceFirst("^\\S+ +", "");
  }

  @Test
  void no_secret_is_in_a_message_an_exception_or_what_stands_beside_them() {
    assertEquals(
        "WARN  Some it said: [secret], \"[secret]\", [secret]",
        line(
            null,
            Map.of(),
            "it said: {}, \"{}\", {}",
            SECRET,
            SECRET.replace("\"", "\\\""),
            "sk-" + "ant-api03-Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0"));
    String line =
        line(
            new IOException("cannot read " + SECRET + "\nand " + KEY),
            Map.of("WorkflowId", "run-" + SECRET, "ActivityType", "invokeAgent", "Attempt", "1"),
            "failed");
    assertTrue(
        line.startsWith(
            "WARN  Some failed [run=run-[secret] activity=invokeAgent attempt=1]"
                + " java.io.IOException: cannot read [secret] | and [secret] | "),
        line);
  }

  @Test
  void an_event_is_one_line_that_no_terminal_obeys() {
    assertEquals("WARN  Some a b?[31m?c", line(null, Map.of(), "a\r\n\tb\u001b[31m\u202ec"));
    assertEquals(
        "WARN  Some x [run=r?[0m activity=y attempt=2]",
        line(null, Map.of("WorkflowId", "r\u001b[0m", "ActivityType", "y", "Attempt", "2"), "x"));
    assertFalse(line(new IOException("a\nb"), Map.of(), "x").contains("? "));
  }
}
