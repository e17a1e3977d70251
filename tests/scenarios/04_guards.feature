@stored
Feature: We suspect ourselves before we suspect people
  A campaign that goes wrong is stopped for a handful of failures of one contact, or never
  (mautic#13751, #14470, #15512). Here a bad record of many sends pauses the sequence, with
  its reason, and a person lets it go on. Played by the real thing only: providers tell of records.

  Background:
    Given the funnel says:
      """
      guards: {bounces: 0.2, complaints: 0.2, sample: 10, sample_least: 5, contact_daily: 2}
      """

  Scenario: Complaints pause the sequence, and nobody else is mailed
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: pause, wait: 2d}
        - {key: again, email: again}
      """
    And Ana, Bo, Cleo, Dan and Eva are leads
    When 1 hour passes
    And the provider tells 1 times of a complaint of Ana
    And the provider tells 1 times of a complaint of Bo
    Then the sequence welcome stands still, because of complaint
    When 5 days pass
    Then Cleo, Dan and Eva have got hello
    When welcome goes on by shift
    And 5 days pass
    Then Cleo, Dan and Eva have got hello, again
    And Ana and Bo have got hello

  Scenario: A contact gets no more than a day's maximum
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: thanks, email: thanks}
        - {key: again, email: again}
      """
    And Ana is a lead
    When 1 hour passes
    Then Ana has got hello, thanks
    When 1 day passes
    Then Ana has got hello, thanks, again
