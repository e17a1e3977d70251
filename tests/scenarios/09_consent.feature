Feature: No means no, at once and everywhere
  Contacts who bounced or said no are mailed again, and out-of-office replies unsubscribe people
  (mautic#4356, #4494, #2761, #9282).

  Background:
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: pause, wait: 2d}
        - {key: again, email: again}
      """

  Scenario: Who never said yes is not mailed
    Given Ana is a lead, with:
      """
      consents: {news: true}
      """
    When 10 days pass
    Then Ana has got nothing

  Scenario: Unsubscribing ends what is under way
    Given Ana and Bo are leads
    When 1 day passes
    And Ana unsubscribes
    And 10 days pass
    Then Ana has got hello
    And Ana's run through welcome is exited
    And Bo has got hello, again

  Scenario: A complaint ends everything
    Given Ana is a lead
    When 1 day passes
    And Ana complains
    And Ana does form
    And 10 days pass
    Then Ana has got hello
    And nobody got anything twice
