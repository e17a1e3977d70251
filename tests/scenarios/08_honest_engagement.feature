@stored
Feature: Machines click, and it changes nothing
  Security gateways click every link, poison scores and even unsubscribe people (mautic#9162,
  #9798, #8692, #16263). Played by the real thing only: verdicts come from hits at the
  tracking door, and the rules in memory are told them.

  Background:
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: answer, wait_for: {event: click, of: hello, within: 5d, yes: thanks, no: again}}
        - {key: thanks, email: thanks, next: end}
        - {key: again, email: again}
      """
    And Ana and Bo are leads

  Scenario: A scanner follows every link and neither scores, branches nor unsubscribes
    When 1 hour passes
    And a scanner follows every link in hello of Ana
    And 6 days pass
    Then Ana has got hello, again
    And Ana's score is 0
    And Ana is suppressed in nothing

  Scenario: A person's click after the scanner's counts
    When 1 hour passes
    And a scanner follows every link in hello of Ana
    And 1 day passes
    And Ana clicks in hello
    Then Ana's score is 5
    And Ana has got hello, thanks
