import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.kafka.common.utils.Exit;

/**
 * What Kafka's own command-line tools say of a broker, all run in one virtual machine: `Tools script ADDRESS PREFIX` prints
 * each command and, line by line, what it answered, without what must differ (ids, times, speeds). Driven by the tests
 * of this folder's parent.
 */
public class Tools {
  private static final PrintStream OUT = System.out;
  private static final InputStream IN = System.in;

  /** What ends a command that calls exit. */
  private static class Ended extends RuntimeException {
    Ended() {
      super(null, null, false, false);
    }
  }

  private final String address;
  private final String prefix;
  /** What the command that runs has ended with; some catch our exception, and exit again. */
  private Integer exitCode;
  private boolean headed = false;

  private Tools(String address, String prefix) {
    this.address = address;
    this.prefix = prefix;
  }

  public static void main(String[] args) throws Exception {
    Tools tools = new Tools(args[1], args[2]);
    Exit.setExitProcedure((code, message) -> tools.exit(code));
    Exit.setHaltProcedure((code, message) -> tools.exit(code));
    tools.run();
    OUT.flush();
    Runtime.getRuntime().halt(0);
  }

  private void exit(int code) {
    if (exitCode == null) exitCode = code;
    throw new Ended();
  }

  private void run() throws Exception {
    topics("--create --topic @t --partitions 3 --replication-factor 1 --config retention.ms=3600000");
    topics("--create --topic @t --partitions 3 --replication-factor 1");
    topics("--create --topic @t --partitions 3 --if-not-exists");
    topics("--create --topic @many --partitions 1 --replication-factor 3");
    topics("--describe --topic @t");
    topics("--describe --topic @unknown");
    topics("--list --topic @.*");
    for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) produce(codec);
    consume("--group @g --from-beginning --max-messages 15");
    groups("--describe --group @g");
    groups("--describe --group @g --state");
    groups("--describe --group @g --members");
    groups("--list");
    groups("--list --state");
    groups("--reset-offsets --group @g --topic @t --to-earliest --execute");
    groups("--reset-offsets --group @g --topic @t --shift-by 3 --dry-run");
    consume("--group @g --max-messages 15");
    groups("--reset-offsets --group @g --all-topics --to-earliest --dry-run");
    groups("--delete-offsets --group @g --topic @t:2");
    groups("--describe --group @g --offsets");
    groups("--delete --group @g");
    groups("--delete --group @g");
    offsets("--topic @t --time -1");
    offsets("--topic @t --time -2");
    offsets("--topic @t --time -3");
    offsets("--topic @t --time 4000000000000");
    configs("--alter --add-config max.message.bytes=5000,cleanup.policy=[compact,delete]");
    configs("--describe");
    configs("--alter --add-config retention.ms=soon");
    configs("--alter --delete-config max.message.bytes");
    configs("--describe");
    deleteRecords("[{\"topic\":\"@t\",\"partition\":0,\"offset\":2}]");
    deleteRecords("[{\"topic\":\"@t\",\"partition\":1,\"offset\":999}]");
    offsets("--topic @t --time -2");
    topics("--alter --topic @t --partitions 5");
    topics("--alter --topic @t --partitions 2");
    perform();
    topics("--delete --topic @t");
    topics("--delete --topic @t");
    topics("--list --topic @.*");
  }

  private void topics(String args) {
    String where = "--bootstrap-server " + address + " ";
    command("kafka-topics " + args, "org.apache.kafka.tools.TopicCommand", where + args, "");
  }

  private void groups(String args) {
    String where = "--bootstrap-server " + address + " ";
    command("kafka-consumer-groups " + args, "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", where + args, "");
  }

  private void offsets(String args) {
    String where = "--bootstrap-server " + address + " ";
    command("kafka-get-offsets " + args, "org.apache.kafka.tools.GetOffsetShell", where + args, "");
  }

  private void configs(String args) {
    String where = "--bootstrap-server " + address + " --entity-type topics --entity-name @t ";
    command("kafka-configs " + args, "kafka.admin.ConfigCommand", where + args, "");
  }

  private void produce(String codec) {
    String args = "--bootstrap-server " + address + " --topic @t --compression-codec " + codec
        + " --reader-property parse.key=true --reader-property parse.headers=true --reader-property null.marker=NULL";
    String lines = "unit:Cel,state:run\tk0\t" + codec + "0\nNULL\tk1\tNULL\nunit:Cel\tk2\t" + codec + "2\n";
    command("kafka-console-producer " + codec, "org.apache.kafka.tools.ConsoleProducer", args, lines);
  }

  private void consume(String args) {
    String shown = "--bootstrap-server " + address + " --topic @t --timeout-ms 15000 --formatter-property print.key=true"
        + " --formatter-property print.headers=true --formatter-property print.partition=false ";
    command("kafka-console-consumer " + args, "org.apache.kafka.tools.consumer.ConsoleConsumer", shown + args, "", true);
  }

  private void deleteRecords(String partitions) throws Exception {
    Path file = Files.createTempFile("records", ".json");
    Files.writeString(file, named("{\"version\":1,\"partitions\":" + partitions + "}"));
    String args = "--bootstrap-server " + address + " --offset-json-file " + file;
    command("kafka-delete-records " + partitions, "org.apache.kafka.tools.DeleteRecordsCommand", args, "");
    Files.delete(file);
  }

  private void perform() {
    topics("--create --topic @p --partitions 1 --replication-factor 1");
    command("kafka-producer-perf-test", "org.apache.kafka.tools.ProducerPerformance",
        "--topic @p --num-records 5000 --record-size 100 --throughput -1 --producer-props acks=all bootstrap.servers=" + address,
        "", "\\d+ records sent");
    command("kafka-consumer-perf-test", "org.apache.kafka.tools.ConsumerPerformance",
        "--bootstrap-server " + address + " --topic @p --num-records 5000 --hide-header", "", ", 5000,");
  }

  private void command(String shown, String mainClass, String args, String input) {
    for (String line : clean(run(mainClass, args, input))) say(line, shown);
    done(shown);
  }

  /** As above, for answers whose order says nothing. */
  private void command(String shown, String mainClass, String args, String input, boolean sorted) {
    clean(run(mainClass, args, input)).stream().sorted().forEach(line -> say(line, shown));
    done(shown);
  }

  /** As above; of the answer, only what matches says something: the last that does. */
  private void command(String shown, String mainClass, String args, String input, String wanted) {
    List<String> found = Pattern.compile(wanted).matcher(run(mainClass, args, input)).results().map(one -> one.group()).toList();
    say(found.isEmpty() ? "nothing" : found.get(found.size() - 1), shown);
    done(shown);
  }

  private void say(String line, String shown) {
    if (!headed) OUT.println(shown);
    headed = true;
    OUT.println("  " + line);
  }

  private void done(String shown) {
    if (!headed) OUT.println(shown);
    headed = false;
    OUT.flush();
  }

  private String run(String mainClass, String args, String input) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream into = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    System.setOut(into);
    System.setErr(into);
    System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
    String fault = "";
    exitCode = null;
    try {
      Object words = Arrays.stream(args.split(" ")).map(this::named).toArray(String[]::new);
      Class.forName(mainClass).getMethod("main", String[].class).invoke(null, words);
    } catch (InvocationTargetException wrapped) {
      if (!(wrapped.getCause() instanceof Ended)) fault = wrapped.getCause().toString();
    } catch (ReflectiveOperationException broken) {
      fault = broken.toString();
    }
    System.setOut(OUT);
    System.setIn(IN);
    String end = exitCode == null || exitCode == 0 ? "" : "exit " + exitCode;
    return String.join("\n", bytes.toString(StandardCharsets.UTF_8), fault, end);
  }

  private String named(String text) {
    return text.replace("@", prefix);
  }

  /** Lines without what differs from run to run; of errors, only their class: their words are each broker's own. */
  private List<String> clean(String text) {
    List<String> lines = new ArrayList<>();
    for (String line : text.split("\n")) {
      String one = line.replace(prefix, "").replace(address, "ADDRESS").strip().replaceAll("\\s+", " ")
          .replaceAll("TopicId: \\S+", "TopicId: ID").replaceAll("(Leader|Replicas|Isr): \\d+", "$1: N")
          .replaceAll("(ADDRESS|/127\\.0\\.0\\.1)(:\\d+)? \\(\\d+\\)", "NODE").replaceAll("^>+", "")
          .replaceAll(" Elr:.*", "").replaceAll("min.insync.replicas=1,?", "")
          .replaceAll(" synonyms=.*", "");
      if (one.isEmpty() || one.equals("null") || one.matches("(at |WARNING|.*WARN |.*Tools\\$Ended|The consumer rebalance).*")) continue;
      var error = Pattern.compile("[A-Za-z.]*\\.([A-Za-z]+Exception)").matcher(one);
      lines.add(error.find() ? error.group(1) : one.replaceFirst("^(Error while executing [a-z ]+).*", "$1"));
    }
    return lines;
  }
}
